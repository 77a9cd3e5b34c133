"""Expressions in JSONata, evaluated as Step Functions does.

Written for moto 5.2.5 and jsonata-python 0.7. moto's interpreter reads definitions in JSONata and has nothing to
evaluate them with. It writes the values of variables into the text of an expression, and into the history, with texts
in quotation marks but not escaped. And it makes the assignments of a Choice's default whenever a rule leads to the same
state. Replaced are `StringJSONata._eval_body`, which here binds the values; `VariableStore.get_assigned_variables`; and
`_eval_state` and `_eval_state_output` of `StateChoice`.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from threading import get_ident
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonata import Jsonata


class QueryError(Exception):
    """An expression cannot be evaluated, or is of nothing."""


@contextmanager
def evaluated_expressions() -> Iterator[None]:
    """Have the interpreter evaluate JSONata."""
    from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
    from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
    from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore

    def evaluate_on(self: Any, env: Any) -> None:
        known = env.variable_store
        variables = {**known._outer_scope, **known._inner_scope, "states": env.states._states_data}
        try:
            value = evaluate(self.expression, variables)
        except QueryError as error:
            raise _failed(env, error) from error
        env.stack.append(value)

    def assigned(self: Any) -> dict[str, str]:
        return {name: json.dumps(self.get(name), separators=(",", ":")) for name in self._declaration_tracing}

    def choose(self: Any, env: Any) -> None:
        for rule in self.choices_decl.rules:
            rule.eval(env)
            if env.stack.pop() is True:
                env.stack.append(rule.next_stmt.name)
                return
        if self.assign_decl:
            self.assign_decl.eval(env)
        env.stack.append(self.default_state.state_name)

    def go_on(_self: Any, env: Any) -> None:
        env.next_state_name = env.stack.pop()

    with ExitStack() as patches:
        patches.enter_context(replaced(StringJSONata, _eval_body=evaluate_on))
        patches.enter_context(replaced(VariableStore, get_assigned_variables=assigned))
        patches.enter_context(replaced(StateChoice, _eval_state=choose, _eval_state_output=go_on))
        yield


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression.

    Args:
        expression: In JSONata, without its `{%` and `%}`.
        variables: Name → JSON value; `states` is Step Functions' own.

    Returns:
        A JSON value that shares nothing with the variables.

    Raises:
        QueryError: The expression is wrong, or its value undefined: Step Functions' `States.QueryEvaluationError`.
    """
    from jsonata import JException, Jsonata
    from jsonata.utils import Utils

    bound = {name: Utils.NULL_VALUE if value is None else value for name, value in variables.items()}
    try:
        value = _compiled(expression, get_ident()).evaluate(None, {**bound, "hash": Jsonata.JLambda(_hash)})
    except JException as error:
        raise QueryError(f"The JSONata expression '{expression}' threw an error: {error}") from error
    if value is None:
        raise QueryError(f"The JSONata expression '{expression}' returned nothing (undefined).")
    return _plain(value)


@lru_cache(maxsize=1024)
def _compiled(expression: str, _thread: int) -> Jsonata:
    """Evaluating keeps notes in the compiled expression, so each thread has its own."""
    from jsonata import Jsonata

    compiled = Jsonata(expression)
    compiled.set_output_convert_nulls(False)
    return compiled


def _hash(content: str, algorithm: str) -> str:
    """One of the functions that Step Functions has beside JSONata's: `$hash('text', 'SHA-1')`."""
    return hashlib.new(algorithm.replace("-", ""), content.encode()).hexdigest()


def _plain(value: Any) -> Any:
    from jsonata.utils import Utils

    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _failed(env: Any, error: QueryError) -> Exception:
    """As moto's own `validate_jsonata_expression_output` does, for every error."""
    from moto.stepfunctions.parser.api import HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType

    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details: Any = {"evaluationFailedEventDetails": {"error": name.error_name, "cause": str(error)}}
    event = FailureEvent(env, name, HistoryEventType.EvaluationFailed, details)
    return FailureEventException(event)

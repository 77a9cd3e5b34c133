"""Walk a state machine in no time: an interpreter of the little that our definition uses of the States Language.

moto's interpreter takes a second for a run, and hundreds of damaged definitions have to be tried. This one takes a
millisecond; that it does what moto's does is tested, scenario by scenario. Paths are plain (`$.a.b[0]`, `$$.a.b`), and
anything that it does not know is an error.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, cast

from tests.asl_judge import ENTERED, EXECUTION, STARTED
from tests.asl_run import Fails, Redriven, Run, redriven
from tests.stack_template import RUN_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Json = Any
    State = dict[str, Json]

MOST_STATES = 400
"""After so many states, an execution is said to go on for ever."""

MOST_CHARACTERS = 262_144
"""Step Functions ends an execution whose data are larger."""

CONTEXT: dict[str, dict[str, Any]] = {
    "Execution": {"Id": EXECUTION, "Name": RUN_ID, "StartTime": STARTED},
    "State": {"EnteredTime": ENTERED},
}
"""What `$$` is while an execution is walked."""

_TOKEN = re.compile(r"\s*(States\.\w+\(|'(?:[^'\\]|\\.)*'|\$[\w.$\[\]-]*|-?\d+|[,)])")

INTRINSICS: dict[str, Callable[..., Any]] = {
    "States.Format": lambda text, *values: text.replace("{}", "%s") % tuple(values),
    "States.JsonToString": lambda value: json.dumps(value, separators=(",", ":")),
    "States.StringToJson": json.loads,
    "States.MathAdd": lambda a, b: a + b,
    "States.Array": lambda *values: list(values),
    "States.ArrayGetItem": lambda values, index: values[index],
    "States.ArrayLength": len,
    "States.Hash": lambda text, algorithm: hashlib.new(algorithm.replace("-", ""), text.encode()).hexdigest(),
    "States.StringSplit": lambda text, at: text.split(at),
}


class RunError(Exception):
    """A failure inside the execution.

    Args:
        error: Its error name.
        cause: Its cause.
    """

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.error, self.cause = error, cause


def walk(
    definition: dict[str, Any], script: Mapping[str, Sequence[dict[str, Any] | Fails | Redriven]], given: object
) -> Run:
    """Run a state machine to its end, or to the point where it goes on for ever.

    Args:
        definition: The definition, rendered.
        script: Task state → its answers, in order; the last one is given again and again.
        given: The execution's input.

    Returns:
        What it did; its status is "ENDLESS" if it did not end.
    """
    CONTEXT["Execution"].pop("RedriveTime", None)
    done, answers = Run(), {state: list(found) for state, found in script.items()}
    done.data = cast("Any", given)
    name = definition["StartAt"]
    try:
        while len(done.visited) < MOST_STATES:
            done.visited.append(name)
            state = definition["States"][name]
            if state["Type"] in ("Succeed", "Fail"):
                done.status = "SUCCEEDED" if state["Type"] == "Succeed" else "FAILED"
                done.error = state.get("Error", "")
                done.cause = value_at(state["CausePath"], done.data) if "CausePath" in state else ""
                return done
            name = _next(name, state, done, answers)
    except RunError as failure:  # moto and Step Functions fail the execution with States.Runtime or the error itself
        done.status, done.error, done.cause = "FAILED", failure.error, failure.cause
        return done
    done.status = "ENDLESS"
    return done


def _next(name: str, state: State, done: Run, answers: dict[str, list[Any]]) -> str:
    if state["Type"] == "Choice":
        for rule in state["Choices"]:
            if chosen(rule, done.data):
                return str(rule["Next"])
        if "Default" not in state:
            raise RunError("States.NoChoiceMatched", name)
        return str(state["Default"])
    if state["Type"] == "Wait":
        done.waits.append(value_at(state["SecondsPath"], done.data))
    elif state["Type"] == "Pass":
        result = value_at(state.get("InputPath", "$"), done.data)
        _keep(state, done, filled(state["Parameters"], result) if "Parameters" in state else result)
    else:
        failure = _call(name, state, done, answers[name])
        if failure is not None:
            return failure
    return str(state["Next"])


def _call(name: str, state: State, done: Run, answers: list[Any]) -> str | None:
    """Do what a task does; where a Catch leads, or None."""
    tried: dict[int, int] = {}
    while True:
        done.calls.append((name, filled(state["Parameters"], done.data)))
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Redriven):
            tried = {}
            redriven(CONTEXT["Execution"])
            continue
        if not isinstance(answer, Fails):
            _keep(state, done, filled(state["ResultSelector"], answer) if "ResultSelector" in state else answer)
            return None
        number = _matching(state.get("Retry", []), answer.error)
        if number is None or tried.get(number, 0) >= state["Retry"][number].get("MaxAttempts", 3):
            break
        tried[number] = tried.get(number, 0) + 1
    number = _matching(state.get("Catch", []), answer.error)
    if number is None:
        raise RunError(answer.error, answer.cause)
    catch = state["Catch"][number]
    _keep(catch, done, {"Error": answer.error, "Cause": answer.cause})
    return str(catch["Next"])


def _matching(rules: list[dict[str, Any]], error: str) -> int | None:
    for number, rule in enumerate(rules):
        if error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]:
            return number
    return None


def _keep(state: State, done: Run, result: Json) -> None:
    path = state.get("ResultPath", "$")
    if path is None:
        return
    done.data = _put(done.data, [] if path == "$" else path.removeprefix("$.").split("."), result)


def _put(data: Json, keys: list[str], value: Json) -> Json:
    """The data with a value put in; the data before, which calls may have been given, stay as they are."""
    if not keys:
        return value
    inside = data if isinstance(data, dict) else {}
    return {**inside, keys[0]: _put(inside.get(keys[0]), keys[1:], value)}


def filled(template: Json, data: Json) -> Json:
    """A payload template with its paths and intrinsic functions worked out."""
    if isinstance(template, dict):
        return {
            key.removesuffix(".$"): evaluated(value, data) if key.endswith(".$") else filled(value, data)
            for key, value in template.items()
        }
    return [filled(value, data) for value in template] if isinstance(template, list) else template


def evaluated(expression: str, data: Json) -> Json:
    """The value of a path or of an intrinsic function."""
    tokens = _TOKEN.findall(expression)
    value = _term(tokens, data)
    if tokens:
        raise ValueError(expression)
    return value


def _term(tokens: list[str], data: Json) -> Json:
    token = tokens.pop(0)
    if token.startswith("$"):
        return value_at(token, data)
    if token.startswith("'"):
        return token[1:-1]
    if not token.endswith("("):
        return int(token)
    values = []
    while tokens[0] != ")":
        values.append(_term(tokens, data))
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
    value = INTRINSICS[token[:-1]](*values)
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise RunError("States.DataLimitExceeded", token)
    return value


def value_at(path: str, data: Json) -> Json:
    """The value at a path.

    Raises:
        RunError: There is none.
    """
    value = CONTEXT if path.startswith("$$") else data
    for key in re.findall(r"[\w-]+", path):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise RunError("States.Runtime", f"there is nothing at {path}") from error
    return value


def chosen(rule: dict[str, Any], data: Json) -> bool:
    """Whether a rule of a Choice holds."""
    if "And" in rule:
        return all(chosen(nested, data) for nested in rule["And"])
    if "Or" in rule:
        return any(chosen(nested, data) for nested in rule["Or"])
    if "Not" in rule:
        return not chosen(rule["Not"], data)
    [test] = set(rule) - {"Variable", "Next", "Comment"}
    wanted = rule[test]
    if test == "IsPresent":
        return _is_present(rule["Variable"], data) is wanted
    value = value_at(rule["Variable"], data)
    if test.endswith("Path"):
        wanted = value_at(wanted, data)
    return bool(COMPARISONS[test.removesuffix("Path")](value, wanted))


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda a, b: a == b,
    "BooleanEquals": lambda a, b: a is b,
    "NumericLessThan": lambda a, b: _numbers(a, b) and a < b,
    "NumericGreaterThan": lambda a, b: _numbers(a, b) and a > b,
    "StringMatches": lambda a, b: fnmatch.fnmatchcase(a, b),
    "IsString": lambda a, b: isinstance(a, str) is b,
}


def _numbers(*values: Json) -> bool:
    """Whether values can be compared as numbers; a comparison of others does not hold."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _is_present(path: str, data: Json) -> bool:
    try:
        value_at(path, data)
    except RunError:
        return False
    return True

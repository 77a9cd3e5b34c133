"""Expressions of a state machine: which there are, what they ask for, and their values, each worked out once.

A definition is walked thousands of times with one thing changed. Nearly every expression then has the value it had
before, so values are kept by the texts of all that an expression can see.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from orchard.local.moto.jsonata import QueryError, evaluate
from tests.support.asl.run import RunError

Json = Any

MOST_BYTES = 256 * 1024
"""Of the value of one variable, of all that one `Assign` sets, and of what a task is given or answers (AWS, "Passing
data between states with variables" and "Step Functions service quotas")."""

_EXPRESSION = re.compile(r"\{%\s+(.*\S)\s+%\}", re.DOTALL)
_TEXT = re.compile(r"'[^']*'")
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")
_PART = re.compile(r"\$states\.(\w+)")
_OWN = re.compile(r"function\(([^)]*)\)|(\$\w+)\s*:=")
_CALLED = re.compile(r"\$(\w+)\(")


def expression(value: Json) -> str | None:
    """The expression that a text of a definition is; None for what is none."""
    found = _EXPRESSION.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def expressions(value: Json) -> Iterator[str]:
    """Every expression in a part of a definition."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from expressions(inner)
    elif (found := expression(value)) is not None:
        yield found


@cache
def variables(text: str) -> frozenset[str]:
    """The variables that an expression reads, and does not make itself."""
    bare = _TEXT.sub("''", text)
    own = {name for parts in _OWN.findall(bare) for part in parts for name in _VARIABLE.findall(part)}
    return frozenset(_VARIABLE.findall(bare)) - own - set(_CALLED.findall(bare))


@cache
def _parts(text: str) -> list[str]:
    """What an expression reads of `$states`."""
    return sorted(set(_PART.findall(text)))


@dataclass(frozen=True)
class Value:
    """A JSON value, and its text when somebody asks for it."""

    json: Json

    @cached_property
    def text(self) -> str:
        return json.dumps(self.json, separators=(",", ":"))


def check_sizes(what: str, values: Iterable[Value]) -> None:
    """End the execution if Step Functions would: nothing catches this.

    Args:
        what: Whose values they are.
        values: All values together.

    Raises:
        RunError: They are too large.
    """
    if sum(len(value.text) for value in values) > MOST_BYTES:  # all of it is ASCII
        raise RunError("States.DataLimitExceeded", what)


@dataclass
class Evaluator:
    """Values of expressions, the latest few thousand.

    Attributes:
        asked: Every expression that was evaluated, with what it saw, and its value, or None for an error.
    """

    asked: OrderedDict[tuple[str, str], tuple[dict[str, Json], Value | QueryError]] = field(default_factory=OrderedDict)
    most: int = 4000

    def value(self, text: str, known: Mapping[str, Value]) -> Value:
        """The value of an expression.

        Args:
            text: The expression.
            known: The variables, `states` among them.

        Raises:
            RunError: It has none.
        """
        seen = {name: known[name] for name in sorted(variables(text)) if name in known}
        if "states" in seen:
            states = seen["states"].json
            seen["states"] = Value({part: states[part] for part in _parts(text) if part in states})
        key = (text, "\n".join(f"{name}={value.text}" for name, value in seen.items()))
        if key not in self.asked:
            bound = {name: value.json for name, value in seen.items()}
            try:
                found: Value | QueryError = Value(evaluate(text, bound))
            except QueryError as error:
                found = error
            self.asked[key] = (bound, found)
            if len(self.asked) > self.most:
                self.asked.popitem(last=False)
        answer = self.asked[key][1]
        if isinstance(answer, QueryError):
            raise RunError("States.QueryEvaluationError", str(answer))
        return answer

    def filled(self, template: Json, known: Mapping[str, Value]) -> Value:
        """A part of a definition with its expressions evaluated."""
        text = expression(template)
        return self.value(text, known) if text is not None else Value(self._inside(template, known))

    def _inside(self, template: Json, known: Mapping[str, Value]) -> Json:
        if isinstance(template, dict):
            return {key: self._inside(value, known) for key, value in template.items()}
        if isinstance(template, list):
            return [self._inside(value, known) for value in template]
        text = expression(template)
        return template if text is None else self.value(text, known).json


EVALUATOR = Evaluator()
"""Everybody's."""

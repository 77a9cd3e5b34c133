"""Damage a definition in every way that there is: each part taken away, each transition led elsewhere."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.asl.query import expression

GONE = object()
_LIST = re.compile(r"(\{|(?<![\w\])])\[)$")
"""What begins a list or an object, and no place in a list."""

_TRANSITIONS = ("Next", "Default", "StartAt")


@dataclass(frozen=True)
class Mutation:
    """One thing changed.

    Attributes:
        path: Where in the definition.
        value: What is there now; `GONE` for nothing.
    """

    path: tuple[str | int, ...]
    value: Any = GONE

    def __str__(self) -> str:
        at = ".".join(str(part) for part in self.path)
        return f"{at} gone" if self.value is GONE else f"{at} = {json.dumps(self.value)}"

    def apply(self, definition: dict[str, Any]) -> dict[str, Any]:
        """The definition with the change made; the one given stays as it is."""
        return _with(definition, self.path, self.value)


def _with(place: Any, path: tuple[str | int, ...], value: Any) -> Any:  # noqa: ANN401 (JSON)
    """A copy of a place in which one thing is changed."""
    key, *deeper = path
    changed = place.copy()
    if deeper:
        changed[key] = _with(place[key], tuple(deeper), value)
    elif value is GONE:
        del changed[key]
    else:
        changed[key] = value
    return changed


def parts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:  # noqa: ANN401 (JSON)
    """Every part of a definition at any depth but its comments, with its place."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        if key != "Comment":
            yield (*path, key), part
            yield from parts(part, (*path, key))


def removals(definition: dict[str, Any]) -> Iterator[Mutation]:
    """Everything taken away in turn: states, catches, time-outs, retries, rules, conditions, transitions, arguments."""
    yield from (Mutation(path) for path, _ in parts(definition))


def detours(definition: dict[str, Any]) -> Iterator[Mutation]:
    """Every transition led to every other state in turn."""
    for path, led in parts(definition):
        if path[-1] in _TRANSITIONS and isinstance(led, str):
            yield from (Mutation(path, state) for state in definition["States"] if state != led)


def at(definition: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 (JSON)
    """What is at a place."""
    for key in path:
        definition = definition[key]
    return definition


def weakenings(definition: dict[str, Any]) -> Iterator[Mutation]:
    """Every part of every expression taken away in turn, and every word and number changed that decides something."""
    for path, part in parts(definition):
        if (text := expression(part)) is not None:
            changed = [*shorter(text), *(others(text) if path[-1] in ("Condition", "Error") else ())]
            yield from (Mutation(path, f"{{% {one} %}}") for one in dict.fromkeys(changed))


def shorter(text: str) -> Iterator[str]:
    """An expression without one operand of an `and` or `or`, one item of a list, one field of an object."""
    for start, end in _groups(text):
        inside = text[start:end]
        for separator in (" and ", " or ", ", "):
            operands = _split(inside, separator)
            if len(operands) > 1 or (separator == ", " and _LIST.search(text[:start]) and inside.strip()):
                for number in range(len(operands)):
                    left = separator.join(operands[:number] + operands[number + 1 :])
                    yield text[:start] + left + text[end:]


def others(text: str) -> Iterator[str]:
    """An expression with one text or number changed, or one `$not` left out."""
    for found in re.finditer(r"'[^']+'", text):
        yield f"{text[: found.end() - 1]}X{text[found.end() - 1 :]}"
    for found in re.finditer(r"(?<![\w'])\d+(?![\w'])", text):
        yield f"{text[: found.start()]}{int(found[0]) + 1}{text[found.end() :]}"
    for found in re.finditer(r"\$not\(", text):
        yield f"{text[: found.start()]}({text[found.end() :]}"


def _groups(text: str) -> Iterator[tuple[int, int]]:
    """Where something stands in brackets, and the whole."""
    yield 0, len(text)
    opened: list[int] = []
    for index, sign in _outside_texts(text):
        if sign in "([{":
            opened.append(index + 1)
        elif sign in ")]}":
            yield opened.pop(), index


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators that stand in no brackets of their own."""
    depth, begins, found = 0, 0, []
    for index, sign in _outside_texts(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and text.startswith(separator, index):
            found.append(text[begins:index])
            begins = index + len(separator)
    return [*found, text[begins:]]


def _outside_texts(text: str) -> Iterator[tuple[int, str]]:
    inside = False
    for index, sign in enumerate(text):
        inside ^= sign == "'"
        if not inside and sign != "'":
            yield index, sign

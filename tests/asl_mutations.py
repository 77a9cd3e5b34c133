"""Damage a definition in every way that there is: each part taken away, each transition led elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = object()
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

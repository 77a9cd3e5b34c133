"""Reading JSON that may hold anything into dataclasses: what is not there, or is of another kind, is empty."""

from __future__ import annotations

import json
from types import UnionType
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints


class Parsed:
    """A dataclass that is read from JSON, or from an answer of AWS; every field has a default.

    A field is read from the key of its name, or by the path in its annotation: `Annotated[str, "cluster.id"]`.
    Where nothing stands, or something of another kind, the default stays.
    """

    @classmethod
    def from_data(cls, data: object) -> Self:
        """Read it, whatever it looks like. Never raises."""
        hints = get_type_hints(cls, include_extras=True).items()
        found = {name: _as(hint, data if get_origin(hint) is Annotated else _at(data, name)) for name, hint in hints}
        return cls(**{name: one for name, one in found.items() if one is not None})

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The same of the text of it."""
        return cls.from_data(parsed(text))


def parsed(text: str) -> Any:  # noqa: ANN401 (JSON)
    """The JSON value of a text, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _at(value: object, path: str) -> object:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _as(kind: Any, value: object) -> Any:  # noqa: ANN401 (an annotation, and what it says)
    """A value as its annotation says it; None if it is of another kind."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _as(inner[0], _at(value, inner[1]))
    if value is None:
        return None
    if origin is UnionType:  # with None
        return _as(inner[0], value)
    if origin is dict and isinstance(value, dict):
        entries = {str(name): _as(inner[1], one) for name, one in value.items()}
        return {name: one for name, one in entries.items() if one is not None}
    if origin is tuple and isinstance(value, list):
        return tuple(one for one in (_as(inner[0], each) for each in value) if one is not None)
    kind = origin or kind
    if issubclass(kind, Parsed):
        return kind.from_data(value)
    if kind in (int, float):
        finite = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
        return kind(value) if finite else None
    return value if isinstance(value, kind) and origin is None else None

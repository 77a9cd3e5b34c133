"""Reading JSON that may hold anything into dataclasses: what is not there, or is of another kind, is empty."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def read(kind: type[T], value: object) -> T:
    """Read a dataclass, every field of which has a default. Never raises.

    Args:
        kind: The dataclass. A field is read from the key of its name, or by the path in its annotation:
            `Annotated[str, "cluster.id"]`.
        value: JSON, or an answer of AWS.

    Returns:
        What the value says; the default where it says nothing, or something of another kind.
    """
    hints = get_type_hints(kind, include_extras=True).items()
    found = {name: _as(hint, value if get_origin(hint) is Annotated else _at(value, name)) for name, hint in hints}
    return kind(**{name: one for name, one in found.items() if one is not None})


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
    if isinstance(kind, type) and is_dataclass(kind):
        return read(kind, value)
    if origin is dict and isinstance(value, dict):
        entries = {str(name): _as(inner[1], one) for name, one in value.items()}
        return {name: one for name, one in entries.items() if one is not None}
    if origin is tuple and isinstance(value, list):
        return tuple(one for one in (_as(inner[0], each) for each in value) if one is not None)
    if kind in (int, float):
        finite = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
        return kind(value) if finite else None
    return value if isinstance(value, origin or kind) else None

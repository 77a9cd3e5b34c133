"""Reading JSON that may hold anything: what is not there, or is of another kind, is empty."""

from __future__ import annotations

import json
from typing import Any


def inside(value: object, *path: str) -> Any:  # noqa: ANN401 (JSON)
    """What is found by following the keys, or None."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def words(value: object, *path: str) -> str:
    """The text found by following the keys; "" for anything that is not text."""
    found = inside(value, *path)
    return found if isinstance(found, str) else ""


def number(value: object, *path: str) -> float | None:
    """The finite number found by following the keys, or None."""
    found = inside(value, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if abs(found) < 1e15 else None


def parsed(text: str) -> Any:  # noqa: ANN401 (JSON)
    """The JSON value of a text, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

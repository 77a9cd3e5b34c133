"""Change something of moto's for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

_ABSENT = object()


@contextmanager
def replaced(owner: Any, **members: Any) -> Iterator[None]:
    """Give a class or module other members, and its own back at the end.

    Args:
        members: What it has meanwhile, by name. A name it did not have is taken away again.
    """
    before = {name: vars(owner).get(name, _ABSENT) for name in members}
    for name, value in members.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)


@contextmanager
def entries(dictionary: MutableMapping[str, Any], changes: Mapping[str, Any]) -> Iterator[None]:
    """Give a dictionary other entries, and its own back at the end.

    Args:
        dictionary: The dictionary, changed in place.
        changes: Its entries meanwhile; None takes one away.
    """
    before = {key: dictionary[key] for key in changes if key in dictionary}
    for key, value in changes.items():
        if value is None:
            dictionary.pop(key, None)
        else:
            dictionary[key] = value
    try:
        yield
    finally:
        for key in changes:
            dictionary.pop(key, None)
        dictionary.update(before)

"""Pictures that have the content of another: found by an id of each content, over all sources, exactly.

By the directory alone two pictures are taken for the same where CRC-32 and size are equal, or under a prefix of S3 ETag
and size, as `orchard.archive.content` has it; nothing is read for this. A task that has the content gives it an id of
64 bits: of ten million different pictures two have the same id by chance in one collection of some 400,000.

Sorting the ids takes 18 bytes a picture beside them, and all the rest 45 of those pictures that are not alone; by the
directory, splits and labels are looked up of these only.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.content import picture_keys
from orchard.archive.judging import IMAGE
from orchard.archive.labels import SPLITS
from orchard.archive.selection import look_through
from orchard.pipeline.duplicates import Duplicates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orchard.archive.checks import Inventory

WORST = 12
"""How many contents are told one by one."""

_MEMBERS = 6  # of a content, whose pictures are shown
_PLACES = 10  # of a content, by split and label

_TRAINING, _TEST = (1 << SPLITS.index(split) for split in ("Training", "Test"))


def picture_id(content: bytes) -> int:
    """What tells contents apart: the first 64 bits of BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


class ContentIds:
    """The contents of some pictures, one after the other: twelve bytes each, so that all of them fit into a driver.

    Attributes:
        ids: Of each picture what `picture_id` says.
        groups: Of each the number of its split and label.
        keys: The splits and labels, in the order of their numbers.
        gaps: Which members have been left out, counted from 0, since they are no pictures.
    """

    def __init__(self) -> None:
        self.ids = array("Q")
        self.groups = array("i")
        self.keys: dict[tuple[str, str], int] = {}
        self.gaps = array("i")

    def add(self, content: bytes, split: str, label: str) -> None:
        """Note a picture."""
        self.ids.append(picture_id(content))
        self.groups.append(self.keys.setdefault((split, label), len(self.keys)))

    def leave_out(self) -> None:
        """Note a member that is no picture."""
        self.gaps.append(len(self.ids) + len(self.gaps))

    def member(self, picture: int) -> int:
        """Which member a picture is, both counted from 0."""
        for gap in self.gaps:
            picture += gap <= picture
        return picture


@dataclass(frozen=True)
class Shared:
    """One content that several pictures have.

    Attributes:
        copies: How many.
        places: How many of them by split and label, most first; not all where there are many.
        members: The numbers of some of them: of each split and label one before others, as far as they go.
    """

    copies: int
    places: tuple[tuple[str, str, int], ...]
    members: tuple[int, ...]


def find_duplicates(
    ids: NDArray[np.uint64], groups: NDArray[np.int32], keys: Sequence[tuple[str, str]]
) -> tuple[Duplicates, list[Shared]]:
    """Count the pictures that have the content of another.

    Args:
        ids: What tells the content of each picture from others.
        groups: The number of each picture's split and label.
        keys: Splits and labels.

    Returns:
        The counts, and the worst contents: those in several splits and under several labels first, then those that are
        one of both, then the others; of each kind those of most pictures.
    """
    which = _shared(ids)
    if not which.size:
        return Duplicates(), []
    ordered, group = ids[which], groups[which]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(starts, append=len(which))
    names: dict[str, int] = {}
    label = np.array([names.setdefault(name, len(names)) for _, name in keys])[group]
    split = np.array([1 << SPLITS.index(name) if name in SPLITS else 0 for name, _ in keys])[group]
    splits = np.bitwise_or.reduceat(split, starts)
    in_several = splits & (splits - 1) != 0
    in_others = np.minimum.reduceat(label, starts) != np.maximum.reduceat(label, starts)
    leaks = np.repeat((splits & _TRAINING > 0) & (splits & _TEST > 0), sizes)
    counts = Duplicates(
        copies=len(which),
        contents=len(starts),
        between_splits=int(sizes.sum(where=in_several)),
        between_labels=int(sizes.sum(where=in_others)),
        test_in_training=int(np.count_nonzero(leaks & (split == _TEST))),
    )
    faults = in_several.astype(np.int8) + in_others
    worst = np.lexsort((which[starts], -sizes, -faults))[:WORST]
    bounds = [(int(starts[one]), int(starts[one] + sizes[one])) for one in worst]
    return counts, [_content(which[first:last], group[first:last], keys) for first, last in bounds]


def in_directories(inventories: Sequence[Inventory]) -> Duplicates:
    """Count them by what the directories say, of the images that are wanted."""
    images = [np.flatnonzero(one.verdicts == IMAGE) for one in inventories]
    ids = picture_keys(inventories)
    shared = np.sort(_shared(ids))
    firsts = np.cumsum([0, *map(len, images)])
    parts = [
        which[shared[(shared >= first) & (shared < last)] - first]
        for which, first, last in zip(images, firsts[:-1], firsts[1:], strict=True)
    ]
    keys, groups, _ = look_through(list(zip(inventories, parts, strict=True)))
    return find_duplicates(ids[shared], groups, keys)[0]


def merged(parts: Sequence[ContentIds]) -> tuple[NDArray[np.uint64], NDArray[np.int32], list[tuple[str, str]]]:
    """The pictures of all parts, one part after the other, as `find_duplicates` takes them."""
    keys: dict[tuple[str, str], int] = {}
    groups = [np.zeros(0, np.int32)]
    for part in parts:
        numbers = np.array([keys.setdefault(key, len(keys)) for key in part.keys], np.int32)
        groups.append(numbers[np.frombuffer(part.groups, np.int32)] if len(part.groups) else groups[0])
    ids = [np.frombuffer(part.ids, np.uint64) for part in parts if len(part.ids)]
    return np.concatenate(ids or [np.zeros(0, np.uint64)]), np.concatenate(groups), list(keys)


def _shared(ids: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Which pictures have an id that others have too; equal ones beside each other, in their order."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    same = ordered[1:] == ordered[:-1]
    shared = np.zeros(len(ids), bool)
    shared[1:] = same
    shared[:-1] |= same
    which: NDArray[np.int64] = order[shared]
    return which


def _content(which: NDArray[np.int64], group: NDArray[np.int32], keys: Sequence[tuple[str, str]]) -> Shared:
    found, first, counts = np.unique(group, return_index=True, return_counts=True)
    in_order = sorted(zip(found.tolist(), counts.tolist(), strict=True), key=lambda one: (-one[1], keys[one[0]]))
    some = dict.fromkeys([*np.sort(which[first]).tolist(), *which[:_MEMBERS].tolist()])
    places = tuple((*keys[number], count) for number, count in in_order[:_PLACES])
    return Shared(len(which), places, tuple(list(some)[:_MEMBERS]))

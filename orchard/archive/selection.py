"""A part of an archive's images: those of some labels, or so many, spread over classes and splits.

The choice follows from the paths alone, so that whoever reads the same archive chooses the same images, in whatever
order it names them. A larger limit adds to what a smaller one chooses.
"""

from __future__ import annotations

import difflib
import hashlib
import unicodedata
from array import array
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.image_paths import image_paths
from orchard.archive.judging import IMAGE, SKIPPED
from orchard.archive.labels import split_and_label
from orchard.errors import OptionsError, in_quotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orchard.archive.checks import Inventory

BYTES_A_CHOICE = 48
"""What an image takes, for a moment, while so many are chosen."""

_NEAR = 5
_COMPARED = 10_000  # labels: comparing one takes some microseconds


def select(
    inventories: Sequence[Inventory], limit: int | None = None, labels: Sequence[str] | None = None, plan: str = ""
) -> list[Inventory]:
    """Leave out of inventories the images that are not wanted: they are skipped.

    Args:
        inventories: What is in the archive, or in each of several sources.
        limit: How many images at most; None for all. Classes and splits have the shares that they have in the
            archive, but for this: as long as the limit lets them, each class has an image, and then each class in
            each split.
        labels: The labels that are wanted, however their accents are composed; None for all.
        plan: The command that shows what there is.

    Raises:
        OptionsError: No image has such a label; the error names the labels that are near.
    """
    if limit is None and labels is None:
        return list(inventories)
    images = [(one, np.flatnonzero(one.verdicts == IMAGE)) for one in inventories]
    keys, groups, hashes = look_through(images, hashed=limit is not None)
    chosen = np.arange(len(groups)) if labels is None else np.flatnonzero(_wanted(keys, labels, plan)[groups])
    if limit is not None and limit < len(chosen):
        names = [label for _, label in keys]
        chosen = chosen[_spread(groups[chosen], hashes[chosen], names, limit)]
    is_chosen = np.zeros(len(groups), bool)
    is_chosen[chosen] = True
    found, first = [], 0
    for inventory in inventories:
        its = slice(first, first + inventory.images)
        found.append(_chosen(inventory, keys, groups[its], is_chosen[its]))
        first = its.stop
    return found


def _chosen(
    inventory: Inventory, keys: Sequence[tuple[str, str]], groups: NDArray[np.int32], is_chosen: NDArray[np.bool_]
) -> Inventory:
    """One inventory with those of its images alone that are chosen."""
    verdicts = inventory.verdicts.copy()
    verdicts[verdicts == IMAGE] = np.where(is_chosen, IMAGE, SKIPPED)
    counted = np.bincount(groups[is_chosen], minlength=len(keys)).tolist()
    images = int(np.count_nonzero(is_chosen))
    return replace(
        inventory,
        verdicts=verdicts,
        skipped=inventory.images - images,
        images=images,
        image_bytes=int(inventory.directory.sizes.sum(where=verdicts == IMAGE)),
        counts=dict(sorted((key, count) for key, count in zip(keys, counted, strict=True) if count)),
    )


def look_through(
    images: Sequence[tuple[Inventory, NDArray[np.int64]]], *, hashed: bool = False
) -> tuple[list[tuple[str, str]], NDArray[np.int32], NDArray[np.uint64]]:
    """Look up the splits and labels of images.

    Args:
        images: Inventories, and the numbers of the images that are meant in each.
        hashed: Whether their paths are hashed, too.

    Returns:
        All splits and labels; which of them each image has; and a hash of each image's path, if that is wanted.
    """
    keys: dict[tuple[str, str], int] = {}
    groups, hashes = array("i"), bytearray()
    for inventory, which in images:
        folders: dict[bytes, int] = {}
        below = inventory.below.encode()
        for path in image_paths(inventory, which):
            folder = path[: path.rfind(b"/") + 1]
            group = folders.get(folder)
            if group is None:
                key = split_and_label((below + folder).decode())
                group = folders[folder] = keys.setdefault(key, len(keys))
            groups.append(group)
            if hashed:
                hashes += hashlib.blake2b(below + path, digest_size=8).digest()
    return list(keys), np.frombuffer(groups, np.int32), np.frombuffer(hashes, np.uint64)


def _wanted(keys: Sequence[tuple[str, str]], labels: Sequence[str], plan: str) -> NDArray[np.bool_]:
    """Of each split and label, whether the label is one of these."""
    there = [_composed(label) for _, label in keys]
    for label in labels:
        if _composed(label) not in there:
            raise OptionsError(f"No image has the label {in_quotes(label)}", _near(label, there), plan)
    wanted = {_composed(label) for label in labels}
    return np.array([label in wanted for label in there])


def _composed(label: str) -> str:
    """A label with its accents composed: macOS writes them apart, and nobody sees the difference."""
    return unicodedata.normalize("NFC", label)


def _near(label: str, there: Sequence[str]) -> str:
    """Which labels may be meant, in a clause."""
    if set(there) == {""}:
        return "no image is in a folder, whose name would be its label"
    folded: dict[str, str] = {}
    for one in islice(sorted(set(there)), _COMPARED):
        folded.setdefault(one.casefold(), one)
    wanted = _composed(label).casefold()
    near = difflib.get_close_matches(wanted, folded, _NEAR)
    near += [one for one in folded if wanted and wanted in one and one not in near]
    if near:
        return f"the nearest: {', '.join(in_quotes(folded[one]) for one in near[:_NEAR])}"
    some = list(islice(folded.values(), _NEAR))
    more = f" and {len(set(there)) - len(some):,} more" if len(set(there)) > len(some) else ""
    return f"there are {', '.join(in_quotes(one) for one in some)}{more}"


def _spread(
    groups: NDArray[np.int32], hashes: NDArray[np.uint64], labels: Sequence[str], limit: int
) -> NDArray[np.int64]:
    """Choose so many of some images: of each group the same share, as nearly as whole numbers allow.

    In each group the images are in the order of their hashes. The k-th of n is worth (k + 1/2)/n, and those worth least
    are chosen, which is the method of Webster and Sainte-Laguë; first of all the first of each label and of each group.

    Args:
        groups: The group of each image.
        hashes: The hash of each image's path.
        labels: The label of each group.
        limit: How many; fewer than there are.

    Returns:
        Which images, in no order.
    """
    order = np.lexsort((hashes, groups))
    sizes = np.bincount(groups, minlength=len(labels))
    starts = np.cumsum(sizes) - sizes
    worth = (np.arange(len(order)) + 0.5 - np.repeat(starts, sizes)) / np.repeat(sizes, sizes)
    first: dict[str, tuple[int, int]] = {}
    for group in np.flatnonzero(sizes).tolist():
        start = int(starts[group])
        worth[start] = -1
        found = (int(hashes[order[start]]), start)
        first[labels[group]] = min(found, first.get(labels[group], found))
    worth[[start for _, start in first.values()]] = -2
    last = np.partition(worth, limit - 1)[limit - 1]
    sure, equal = order[worth < last], order[worth == last]
    return np.concatenate([sure, equal[np.argsort(hashes[equal], kind="stable")][: limit - len(sure)]])

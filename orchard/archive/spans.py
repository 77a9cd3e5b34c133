"""Cutting an archive into ranges, one for each task.

The next header, of whatever member, bounds a member before anything of it is read. So ranges can be planned from the
directory alone, and each is fetched by a single request.
"""

from __future__ import annotations

import itertools
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.judging import IMAGE
from orchard.archive.records import COLUMNS, Member, columns, member_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orchard.archive.checks import Inventory
    from orchard.archive.encoding import Naming

TARGET_BYTES = 48 * 2**20
"""Spans have two thirds to four thirds of this: 32 to 64 MB."""

TARGET_IMAGES = 50_000
"""Where images are tiny a span has about so many, so that a million of them are more than a few tasks."""


@dataclass(frozen=True, slots=True)
class Span:
    """One range of an archive and the images in it.

    Attributes:
        start: Its first byte, which is the first image's header.
        end: The byte after its last.
        images: How many images are in it. Other members may lie between them.
        naming: How their names become paths.
        below: What their paths begin with, where this is one of several sources.
        packed: Their records in the directory, and where they begin and end: some twenty bytes an image.
    """

    start: int
    end: int
    images: int
    naming: Naming
    below: str
    packed: bytes

    @property
    def length(self) -> int:
        """In bytes."""
        return self.end - self.start

    def members(self) -> Iterator[Member]:
        """The images, sorted by header offset."""
        numbers, records = self._unpacked()
        for place, header, end in numbers.T.tolist():
            yield member_at(records, place, self.naming, header, end)

    def path(self, number: int) -> str:
        """The path of one image, counted from 0, as its picture has it."""
        numbers, records = self._unpacked()
        return self.below + member_at(records, int(numbers[0, number]), self.naming).path

    def _unpacked(self) -> tuple[NDArray[np.int64], bytes]:
        unpacked = zlib.decompress(self.packed)
        numbers = np.frombuffer(unpacked, np.int64, 3 * self.images).reshape(3, -1)
        return numbers, unpacked[numbers.nbytes :]


def plan_spans(
    inventory: Inventory, target_bytes: int = TARGET_BYTES, target_images: int = TARGET_IMAGES
) -> list[Span]:
    """Cut an archive into ranges of about the same length.

    Args:
        target_bytes: How long a range should be. Ranges are even, between two thirds and four thirds of it, but for
            these: an archive that is smaller is one range; an image that is larger is a range of its own; and what
            lies between two images is only fetched when it is shorter than a sixth of the target, so that a long
            video cuts a range.
        target_images: How many images a range should have at most, more or less; then it is shorter.

    Returns:
        The ranges, sorted, without overlap; together they hold every image once.
    """
    directory = inventory.directory
    images = np.flatnonzero(inventory.verdicts == IMAGE)
    headers, ends = directory.headers[images], directory.ends(images)
    return [
        _span(inventory, images[some], headers[some], ends[some])
        for run in _runs(headers, ends, target_bytes)
        for some in _cut(run, headers, ends, target_bytes, target_images)
    ]


def _runs(headers: NDArray[np.int64], ends: NDArray[np.int64], target_bytes: int) -> Iterator[slice]:
    """Part the images where a range must end in any case: at long gaps, and around images too large to share one."""
    is_large = ends - headers > target_bytes * 4 / 3
    is_cut = (headers[1:] - ends[:-1] > target_bytes / 6) | is_large[1:] | is_large[:-1]
    for first, last in itertools.pairwise([0, *(np.flatnonzero(is_cut) + 1).tolist(), len(headers)]):
        yield slice(first, last)


def _cut(
    run: slice, headers: NDArray[np.int64], ends: NDArray[np.int64], target_bytes: int, target_images: int
) -> Iterator[slice]:
    """Cut a run into even ranges, at the headers nearest to where even cuts would be."""
    starts = headers[run]
    start, length = int(starts[0]), int(ends[run][-1] - starts[0])
    fewest, most = math.ceil(length * 3 / 4 / target_bytes), math.floor(length * 3 / 2 / target_bytes)
    count = max(fewest, min(round(length / target_bytes), most), math.ceil(len(starts) / target_images), 1)
    nearest = (_nearest(starts, start + length * part / count) for part in range(1, count))
    for first, last in itertools.pairwise([0, *nearest, len(starts)]):
        if first < last:
            yield slice(run.start + first, run.start + last)


def _nearest(headers: NDArray[np.int64], offset: float) -> int:
    """The place of the header nearest to an offset."""
    place = int(np.searchsorted(headers, offset))
    if place == len(headers) or (place > 0 and offset - headers[place - 1] <= headers[place] - offset):
        return place - 1
    return place


def _span(inventory: Inventory, which: NDArray[np.int64], headers: NDArray[np.int64], ends: NDArray[np.int64]) -> Span:
    """Pack what a task needs to know of its images."""
    directory = inventory.directory
    places = directory.places[which]
    found = columns(directory.raw, places)
    lengths = COLUMNS.itemsize + found["name_length"].astype(np.int64) + found["extra_length"]
    bounds = zip(places.tolist(), (places + lengths).tolist(), strict=True)
    records = b"".join(directory.raw[first:last] for first, last in bounds)
    numbers = np.concatenate([np.cumsum(lengths) - lengths, headers, ends])
    packed = zlib.compress(numbers.tobytes() + records, 1)
    return Span(int(headers[0]), int(ends[-1]), len(which), inventory.naming, inventory.below, packed)

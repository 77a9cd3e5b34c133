"""Cutting an archive into ranges, one for each task.

The next header, of whatever member, bounds a member before anything of it is read. So ranges can be planned from the
directory alone, and each is fetched by a single request.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchard.archive.checks import Inventory
    from orchard.archive.directory import Member

TARGET_BYTES = 48 * 2**20
"""Spans have two thirds to four thirds of this: 32 to 64 MB."""


@dataclass(frozen=True, slots=True)
class Span:
    """One range of an archive and the images in it.

    Attributes:
        start: Its first byte, which is the first image's header.
        end: The byte after its last.
        members: The images, sorted by header offset. Other members may lie between them.
    """

    start: int
    end: int
    members: tuple[Member, ...]

    @property
    def length(self) -> int:
        """In bytes."""
        return self.end - self.start


def plan_spans(inventory: Inventory, target_bytes: int = TARGET_BYTES) -> list[Span]:
    """Cut an archive into ranges of about the same length.

    Args:
        inventory: What is in the archive.
        target_bytes: How long a range should be. Ranges are even, between two thirds and four thirds of it, but for
            these: an archive that is smaller is one range; an image that is larger is a range of its own; and what
            lies between two images is only fetched when it is shorter than a sixth of the target, so that a long
            video cuts a range.

    Returns:
        The ranges, sorted, without overlap; together they hold every image once.
    """
    return [span for run in _runs(inventory.images, target_bytes) for span in _cut(run, target_bytes)]


def _runs(images: Sequence[Member], target_bytes: int) -> Iterator[Sequence[Member]]:
    """Part the images where a range must end in any case: at long gaps, and around images too large to share one."""
    first = 0
    for place in range(1, len(images)):
        before, after = images[place - 1], images[place]
        is_gap = after.header_offset - before.end_offset > target_bytes / 6
        if is_gap or _length([before]) > target_bytes * 4 / 3 or _length([after]) > target_bytes * 4 / 3:
            yield images[first:place]
            first = place
    yield images[first:]


def _cut(run: Sequence[Member], target_bytes: int) -> Iterator[Span]:
    """Cut a run into even ranges, at the headers nearest to where even cuts would be."""
    length, start = _length(run), run[0].header_offset
    fewest, most = math.ceil(length * 3 / 4 / target_bytes), math.floor(length * 3 / 2 / target_bytes)
    count = max(fewest, min(round(length / target_bytes), most), 1)
    headers = [member.header_offset for member in run]
    cuts = [0, *(_nearest(headers, start + length * part / count) for part in range(1, count)), len(run)]
    for first, last in itertools.pairwise(cuts):
        if first < last:
            members = tuple(run[first:last])
            yield Span(members[0].header_offset, members[-1].end_offset, members)


def _nearest(headers: Sequence[int], offset: float) -> int:
    """The place of the header nearest to an offset."""
    place = bisect_left(headers, offset)
    if place == len(headers) or (place > 0 and offset - headers[place - 1] <= headers[place] - offset):
        return place - 1
    return place


def _length(run: Sequence[Member]) -> int:
    return run[-1].end_offset - run[0].header_offset

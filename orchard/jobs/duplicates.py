"""What the unzip stage says of pictures that are there more than once."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from orchard.archive.duplicates import find_duplicates, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.archive.duplicates import ContentIds
    from orchard.archive.spans import Span


def duplicates_told(spans: Sequence[Span], contents: Sequence[ContentIds]) -> dict[str, Any]:
    """What the stage's record and `summary.json` hold: the counts, and `worst`, some contents with some paths each.

    Args:
        spans: What each task has read.
        contents: What each has found in it.
    """
    found, worst = find_duplicates(*merged(contents))
    firsts = [0, *accumulate(len(one.ids) for one in contents)]

    def path(number: int) -> str:
        task = bisect_right(firsts, number) - 1
        return spans[task].path(contents[task].member(number - firsts[task]))

    return {
        **asdict(found),
        "worst": [
            {
                "copies": one.copies,
                "places": [{"split": split, "label": label, "count": count} for split, label, count in one.places],
                "paths": [path(number) for number in one.members],
            }
            for one in worst
        ],
    }

"""Pictures that are there more than once: what the unzip stage says of them, and what the report shows."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from orchard.archive.duplicates import find_duplicates, merged
from orchard.archive.labels import split_and_label
from orchard.report.data import Copied, LabelCount, Picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def copied_paths(summary: Mapping[str, Any]) -> list[str]:
    """The paths of pictures that are there more than once and are shown."""
    return [path for one in _worst(summary) for path in one["paths"]]


def copied(summary: Mapping[str, Any], little: Mapping[str, bytes]) -> tuple[Copied, ...]:
    """The contents that are there more than once, as the unzip stage tells the worst of them.

    Args:
        little: Path → thumbnail.
    """
    return tuple(
        Copied(
            one["copies"],
            tuple(LabelCount(**place) for place in one["places"]),
            tuple(Picture(path, *split_and_label(path), thumbnail=little.get(path, b"")) for path in one["paths"]),
        )
        for one in _worst(summary)
    )


def _worst(summary: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    worst: Sequence[Mapping[str, Any]] = (summary.get("duplicates") or {}).get("worst", ())
    return worst

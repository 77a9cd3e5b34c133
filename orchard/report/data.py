"""What the report shows: plain values, gathered by the job and read by the page."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from orchard.components.neighbours import NeighbourAccuracy

FIRST_REJECTIONS = 200
"""How many rejected members are listed one by one; the reasons of all of them are counted."""


@dataclass(frozen=True)
class LabelCount:
    """How many images one label has in one split; a row of `stats/`."""

    split: str
    label: str
    count: int


@dataclass(frozen=True)
class Rejection:
    """A member of the archive that has no features, and why; a row of `rejected/`."""

    path: str
    stage: str
    reason: str


@dataclass(frozen=True)
class ReasonCount:
    """How many members one stage rejected for one reason."""

    stage: str
    reason: str
    count: int


@dataclass(frozen=True)
class Rejections:
    """All that was rejected, in short.

    Attributes:
        reasons: By stage and reason, the most frequent first.
        first: The first members by path, at most `FIRST_REJECTIONS`.
    """

    total: int
    reasons: tuple[ReasonCount, ...]
    first: tuple[Rejection, ...]

    @classmethod
    def of(cls, rejections: Iterable[Rejection]) -> Rejections:
        """Count the reasons and keep the first ones."""
        counts: Counter[tuple[str, str]] = Counter()

        def counted() -> Iterator[Rejection]:
            for row in rejections:
                counts[row.stage, row.reason] += 1
                yield row

        first = heapq.nsmallest(FIRST_REJECTIONS, counted(), key=lambda row: (row.path, row.stage, row.reason))
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        reasons = tuple(ReasonCount(stage, reason, count) for (stage, reason), count in ordered)
        return cls(counts.total(), reasons, tuple(first))


@dataclass(frozen=True)
class Point:
    """One image in the scatter plot.

    Attributes:
        split: Its split, empty if it has none.
        components: The values of its first components; the same number, at least one, for all points of a report.
            The map shows the first of them; neighbours are found by `pool.MOST_COORDINATES`.
        thumbnail: Its picture in little, WebP as `sample.thumbnail` makes it; empty when there is none.
        known: Whether it is one of the run onto whose components those of this run are projected.
    """

    path: str
    split: str
    label: str
    components: tuple[float, ...]
    thumbnail: bytes
    known: bool = False


@dataclass(frozen=True)
class Picture:
    """One image, shown.

    Attributes:
        split: Its split, empty if it has none.
        thumbnail: As in `Point`.
    """

    path: str
    split: str
    label: str
    thumbnail: bytes


@dataclass(frozen=True)
class Likeness:
    """A picture and those whose components are nearest to its own, the nearest first."""

    picture: Picture
    nearest: tuple[Picture, ...]


@dataclass(frozen=True)
class Copied:
    """One content that several pictures have.

    Attributes:
        copies: How many.
        places: How many of them by split and label, most first; not all where there are many.
        pictures: Some of them.
    """

    copies: int
    places: tuple[LabelCount, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Prediction:
    """What the known pictures say of a new one.

    Attributes:
        label: The label for which they vote.
        votes: How many of the nearest have it.
        distance: How far the nearest is.
        nearest: The nearest of those that are drawn.
    """

    picture: Picture
    label: str
    votes: int
    distance: float
    nearest: Picture


@dataclass(frozen=True)
class Predictions:
    """What the known pictures say of all new ones.

    Attributes:
        run: The run whose pictures are known.
        labels: Label for which they vote → how many have it.
        known: How many they are.
        drawn: Among how many of them the nearest are found that are shown, where these are a sample; None for all.
        total: The number of new pictures.
        nearest: How many of the nearest say how sure a label is.
        voters: How many of them vote.
        limit: The distance beyond which a picture looks like nothing known; infinite if there is none.
        unlike: How many new ones do.
        copies: How many new ones are copies of a known one.
        accuracy: How often the label is right, of new pictures whose own label is among the known; None without any.
        shown: Some new pictures, the farthest first.
    """

    run: str
    labels: Mapping[str, int]
    known: int
    drawn: int | None
    total: int
    nearest: int
    voters: int
    limit: float
    unlike: int
    copies: int
    accuracy: NeighbourAccuracy | None
    shown: tuple[Prediction, ...]


@dataclass(frozen=True)
class ReportData:
    """Everything that the page shows.

    Attributes:
        summary: The content of `summary.json`. Any part of it may be missing: a job can run alone.
        spectrum: The share of the variance that each component explains, falling, over all components or as many as
            are known; at least the kept ones.
        kept: How many components are kept.
        points: The images in the scatter plot; see `sample.sample_points`.
        accuracy: How often the nearest Training image of a Test image has its label; None without both splits.
        compared: How many images `accuracy` and `likenesses` are found among, where they are a sample; None for all.
        likenesses: Some pictures and what is nearest to each.
        rejected_pictures: Path of a rejected member → what can be seen of it, as in `Point`.
        banner: A warning that stays in sight on the whole page; empty for none.
        more: Pictures that are shown elsewhere than on the map, with as many components as `points` have.
        confused: True and predicted label → some Test images that were taken for the other, and the nearest Training
            image of each, by their paths; all are among `points` and `more`.
        copied: The worst of what `summary["duplicates"]` counts.
        predictions: What known pictures say of this run's; None unless it is projected onto another's components.
    """

    summary: Mapping[str, Any]
    spectrum: Sequence[float]
    kept: int
    counts: tuple[LabelCount, ...]
    rejections: Rejections
    points: tuple[Point, ...]
    accuracy: NeighbourAccuracy | None
    compared: int | None = None
    likenesses: tuple[Likeness, ...] = ()
    rejected_pictures: Mapping[str, bytes] = field(default_factory=dict)
    banner: str = ""
    more: tuple[Point, ...] = ()
    confused: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    copied: tuple[Copied, ...] = ()
    predictions: Predictions | None = None

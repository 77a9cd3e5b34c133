"""What the page's template and script read: the report's data, sorted, counted and rounded."""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.pipeline.duplicates import Duplicates
from orchard.report.facts import FactGroup, StageTime, duration, fact_groups, number_at, stage_times, value_at
from orchard.report.pool import columns, coordinates, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchard.components.neighbours import Confusion, LabelAccuracy, NeighbourAccuracy
    from orchard.report.data import ReportData

WORST_CONFUSIONS = 12
"""How many pairs of confused labels are listed."""

MOST_REASONS = 50
"""How many reasons for a rejection are listed; damaged files can have one each."""

MAX_AXES = 10
"""How many components the axes of the scatter plot can show."""

_SPLIT_ORDER = {"training": 0, "validation": 1, "test": 2}


@dataclass(frozen=True)
class LabelRow:
    """One line of the table of classes.

    Attributes:
        index: The label's position among all labels, by which the page's script knows it.
        counts: Its images in each split, in the order of `View.splits`.
        accuracy: How often its pictures are recognised; None if that is not known.
    """

    index: int
    label: str
    counts: tuple[int, ...]
    accuracy: LabelAccuracy | None

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class ConfusionRow:
    """One line of the worst confusions.

    Attributes:
        label_index: The position of the true label among all labels.
        predicted_index: That of the other.
        share: Of the true label's pictures, per cent.
        pairs: Numbers of some pictures that were taken for the other label, and of the nearest to each.
    """

    confusion: Confusion
    label_index: int
    predicted_index: int
    share: float
    pairs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class View:
    """All that the page shows, ready to be shown.

    Attributes:
        title: The archive's file name, else the run id, else something general.
        run_id: The run, empty if unknown.
        created: When it was made, ISO 8601, empty if unknown.
        images: The number of images in all splits.
        splits: The splits, Training first and Test after it.
        rows: One a label, in reading order.
        largest: The images of the most frequent label, at least 1.
        cumulative: The share of the variance that the kept components explain.
        total_time: Of all stages together, in words.
        accuracy: How often pictures are recognised: by the known ones, or Test images by Training images.
        dots: How many of the run's own pictures are in the map.
        fitted_on_test: Whether the components are known to have seen the Test images.
        confusions: The most frequent confusions.
        duplicates: How many pictures are there more than once; None if that is not known.
        pool: Path → number of each picture whose neighbours can be shown.
        payload: What the script reads, JSON.
    """

    title: str
    run_id: str
    created: str
    images: int
    splits: tuple[str, ...]
    rows: tuple[LabelRow, ...]
    largest: int
    cumulative: float
    groups: tuple[FactGroup, ...]
    times: tuple[StageTime, ...]
    total_time: str
    accuracy: NeighbourAccuracy | None
    dots: int
    fitted_on_test: bool
    confusions: tuple[ConfusionRow, ...]
    duplicates: Duplicates | None
    pool: Mapping[str, int]
    payload: dict[str, Any]


def view_of(data: ReportData) -> View:
    """Prepare a report for its page."""
    shown = (*data.points, *data.more)
    labels = sorted({c.label for c in data.counts} | {p.label for p in shown}, key=reading_order)
    splits = tuple(sorted({c.split for c in data.counts} | {p.split for p in shown if not p.known}, key=_split_order))
    rows = _rows(data, splits, labels)
    pool = numbered(data)
    confusions = _confusions(data, labels, pool)
    times = tuple(stage_times(data.summary))
    return View(
        title=_title(data),
        run_id=str(value_at(data.summary, "run_id") or ""),
        created=str(value_at(data.summary, "created") or ""),
        images=sum(row.total for row in rows),
        splits=splits,
        rows=rows,
        largest=max((row.total for row in rows), default=0) or 1,
        cumulative=math.fsum(data.spectrum[: data.kept]),
        groups=tuple(fact_groups(data.summary)),
        times=times,
        total_time=duration(sum(time.seconds for time in times)),
        accuracy=_accuracy(data),
        dots=sum(not point.known for point in data.points),
        fitted_on_test=_fitted_on_test(data.summary),
        confusions=confusions,
        duplicates=_duplicates(data.summary),
        pool=pool,
        payload=_payload(data, splits, labels, confusions),
    )


def data_url(thumbnail: bytes) -> str:
    """A picture as the address of itself."""
    return f"data:image/webp;base64,{base64.b64encode(thumbnail).decode('ascii')}"


def reading_order(label: str) -> tuple[list[str | int], str]:
    """A sort key that puts "Apple 9" before "Apple 10" and does not mind capitals."""
    parts = re.split(r"(\d+)", label)
    return [int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], label


def _split_order(split: str) -> tuple[int, str]:
    return _SPLIT_ORDER.get(split.casefold(), len(_SPLIT_ORDER)) if split else len(_SPLIT_ORDER) + 1, split


def _title(data: ReportData) -> str:
    uri = str(value_at(data.summary, "archive", "uri") or "")
    return uri.rstrip("/").rsplit("/", 1)[-1] or str(value_at(data.summary, "run_id") or "") or "Orchard run"


def _fitted_on_test(summary: Mapping[str, Any]) -> bool:
    parameters = None if value_at(summary, "predictions") else value_at(summary, "parameters")
    return isinstance(parameters, dict) and parameters.get("fit_split", "") in (None, "Test")


def _duplicates(summary: Mapping[str, Any]) -> Duplicates | None:
    found = value_at(summary, "duplicates")
    return None if found is None else Duplicates.from_data(found)


def _rows(data: ReportData, splits: Sequence[str], labels: Sequence[str]) -> tuple[LabelRow, ...]:
    counts = {(entry.label, entry.split): entry.count for entry in data.counts}
    accuracy = {entry.label: entry for entry in found.per_label} if (found := _accuracy(data)) else {}
    known = {point.label for point in data.points if point.known} - {entry.label for entry in data.counts}
    return tuple(
        LabelRow(i, label, tuple(counts.get((label, split), 0) for split in splits), accuracy.get(label))
        for i, label in enumerate(labels)
        if label not in known
    )


def _accuracy(data: ReportData) -> NeighbourAccuracy | None:
    return data.predictions.accuracy if data.predictions else data.accuracy


def _confusions(data: ReportData, labels: Sequence[str], pool: Mapping[str, int]) -> tuple[ConfusionRow, ...]:
    accuracy = _accuracy(data)
    if accuracy is None:
        return ()
    index = {label: i for i, label in enumerate(labels)}
    total = {entry.label: entry.total for entry in accuracy.per_label}
    return tuple(
        ConfusionRow(
            pair,
            index.get(pair.label, -1),
            index.get(pair.predicted, -1),
            100 * pair.count / total[pair.label],
            tuple((pool[one], pool[other]) for one, other in data.confused.get((pair.label, pair.predicted), ())),
        )
        for pair in accuracy.confusions[:WORST_CONFUSIONS]
    )


def _payload(
    data: ReportData, splits: Sequence[str], labels: Sequence[str], confusions: Sequence[ConfusionRow]
) -> dict[str, Any]:
    label_index = {label: i for i, label in enumerate(labels)}
    split_index = {name: i for i, name in enumerate(splits)}
    total: Counter[str] = Counter()
    for entry in data.counts:
        total[entry.label] += entry.count
    total.update(data.predictions.labels if data.predictions else {})
    return {
        "labels": list(labels),
        "counts": [total[label] for label in labels],
        # known pictures are no split, but have a shape and a switch like one
        "splits": [*splits, *(["known"] if data.predictions else [])],
        "known": len(splits) if data.predictions else None,
        "spectrum": [_rounded(share) for share in data.spectrum],
        "kept": data.kept,
        "target": number_at(data.summary, "parameters", "variance"),
        "points": {
            **columns(data.points, label_index, split_index),
            "values": [
                [_rounded(value) for value in column]
                for column in list(zip(*(point.components for point in data.points), strict=True))[:MAX_AXES]
            ],
        },
        "more": columns(data.more, label_index, split_index),
        "near": coordinates(data),
        "confused": [
            {
                "label": row.confusion.label,
                "predicted": row.confusion.predicted,
                "count": row.confusion.count,
                "pairs": row.pairs,
            }
            for row in confusions
        ],
    }


def _rounded(value: float) -> float | None:
    """Four significant digits are finer than a screen; JSON has no NaN."""
    return float(f"{value:.4g}") if math.isfinite(value) else None

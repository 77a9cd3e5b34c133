"""What the report shows of new pictures among the known ones onto whose components they are projected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchard.components.votes import VOTERS, Nearest
from orchard.jobs.drawn import Drawn, thumbnails
from orchard.jobs.tables import PREDICTED_NAMES
from orchard.report.data import Picture, Point, Prediction, Predictions
from orchard.report.sample import Draw, sample_points

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import SparkSession

    from orchard.jobs.applying import Applied
    from orchard.jobs.files import HadoopFiles

_SHOWN = 200
"""New pictures in the table: with a thumbnail each, and one of the nearest known, they take half a megabyte."""

PLOTTED = 750
"""New pictures on the map, and as many known ones: with the table's the page is as large as another with 2,000 dots."""

_UNLIKE, _WRONG = 100, 50
"""Of these so many at most that look like nothing known, and so many whose label is another than is predicted."""

_BLOCK = 4096


@dataclass(frozen=True)
class Chosen:
    """A new picture in the table: its row among the drawn ones, and the nearest known picture."""

    row: int
    nearest: Picture


@dataclass(frozen=True, eq=False)
class Among:
    """New pictures among the known.

    Attributes:
        points: Known pictures for the map.
        chosen: New ones for the table.
    """

    points: tuple[Point, ...]
    chosen: tuple[Chosen, ...]
    _labels: Mapping[str, int]
    _compared: int
    _drawn: Drawn
    _applied: Applied

    def told(self, picture: Callable[[int], Picture]) -> Predictions:
        """What the page says of them.

        Args:
            picture: What is shown of a drawn new one, by its row.
        """
        applied = self._applied

        def prediction(one: Chosen) -> Prediction:
            label, votes, distance = (self._drawn.rows.column(name)[one.row].as_py() for name in PREDICTED_NAMES)
            return Prediction(picture(one.row), label, votes, distance, one.nearest)

        return Predictions(
            run=applied.known.run.name,
            labels=self._labels,
            known=applied.voting,
            drawn=self._compared if self._compared < applied.voting else None,
            total=applied.pairs.total(),
            nearest=VOTERS,
            voters=applied.voters,
            limit=applied.limit,
            unlike=applied.unlike,
            copies=applied.copies,
            accuracy=applied.accuracy,
            shown=tuple(map(prediction, self.chosen)),
        )


def compare(spark: SparkSession, files: HadoopFiles, drawn: Drawn, applied: Applied) -> Among:
    """Find among the known pictures what is shown beside new ones.

    Args:
        drawn: New pictures, with what their table says of votes.
        applied: What the known ones say of all of them.
    """
    known = applied.known
    unzipped = known.origin.files("unzip", known.run)
    counts = {(row["split"], row["label"]): int(row["count"]) for row in files.read_csv(unzipped.stats_table)}
    voting = {key: count for key, count in counts.items() if key[1] in known.labels}
    labels: Counter[str] = Counter()
    for (_, label), count in voting.items():
        labels[label] += count
    old = Drawn.of(spark, known.parts, Draw.of(voting))
    rows = np.array([n for n, ref in enumerate(old.refs) if ref.label in known.labels])
    chosen = _choose(drawn, applied)
    nearest = Nearest(drawn.values[chosen], 1)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        nearest.add(old.values[block], block)
    plotted = {ref.path: n for n, ref in enumerate(old.refs)}
    points = [plotted[ref.path] for ref in sample_points((old.refs[n] for n in rows), PLOTTED)]
    beside = nearest.labels[:, 0].tolist()
    images = known.records["unzip"].parts(unzipped, unzipped.images)
    little = thumbnails(spark, images, (old.refs[n].path for n in (*points, *beside)))

    def picture(n: int) -> Picture:
        return Picture(*old.refs[n], thumbnail=little.get(old.refs[n].path, b""))

    return Among(
        tuple(Point(*old.refs[n], old.located(n), little.get(old.refs[n].path, b""), known=True) for n in points),
        tuple(Chosen(row, picture(n)) for row, n in zip(chosen, beside, strict=True)),
        labels,
        len(rows),
        drawn,
        applied,
    )


def _choose(drawn: Drawn, applied: Applied) -> Sequence[int]:
    """The rows of the new pictures that are shown, the farthest first."""
    distances = np.array(drawn.rows.column("distance").to_pylist())
    predicted = drawn.rows.column("predicted_label").to_pylist()
    order = sorted(range(len(drawn.refs)), key=lambda n: (-distances[n], drawn.refs[n].path))
    labels = [ref.label for ref in drawn.refs]
    unlike = [n for n in order if distances[n] > applied.limit][:_UNLIKE]
    wrong = [n for n in order if labels[n] in applied.known.labels and labels[n] != predicted[n]][:_WRONG]
    row_of = {ref.path: n for n, ref in enumerate(drawn.refs)}
    others = [row_of[ref.path] for ref in sample_points(drawn.refs, _SHOWN)]
    chosen = set(list(dict.fromkeys([*unlike, *wrong, *others]))[:_SHOWN])
    return [n for n in order if n in chosen]

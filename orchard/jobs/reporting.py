"""Gather what the report shows from a run's files, and write the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orchard.components.neighbours import nearest_rows
from orchard.jobs.comparing import PLOTTED, compare
from orchard.jobs.confusions import Confused
from orchard.jobs.drawn import Drawn, thumbnails
from orchard.jobs.duplicates import copied, copied_paths
from orchard.jobs.tables import COMPONENTS, PREDICTED
from orchard.pipeline.origin import NO_ORIGIN
from orchard.report.data import LabelCount, Likeness, Picture, Point, Rejection, Rejections, ReportData
from orchard.report.page import render
from orchard.report.sample import SAMPLE_SIZE, Draw, ImageRef, sample_points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

    from orchard.components.solve import PrincipalComponents
    from orchard.jobs.applying import Applied
    from orchard.jobs.files import HadoopFiles
    from orchard.jobs.stages import StageRecord
    from orchard.layout import RunFiles
    from orchard.pipeline.origin import Origin

_LIKENESSES = 12
_NEAREST = 5


def write_report(
    spark: SparkSession,
    files: HadoopFiles,
    run: RunFiles,
    components: PrincipalComponents,
    records: Mapping[str, StageRecord],
    summary: Mapping[str, Any],
    origin: Origin = NO_ORIGIN,
    applied: Applied | None = None,
) -> None:
    """Write `report.html`.

    Args:
        run: The run's files, all written but the report, the summary and the manifest.
        records: Those of the stages, by name.
        summary: What `summary.json` will hold.
        origin: The earlier runs whose files it uses.
        applied: What the pictures of the run say whose components these are; None if they are this run's.
    """
    unzipped = origin.files("unzip", run)
    stats = files.read_csv(unzipped.stats_table)
    counts = tuple(LabelCount(row["split"], row["label"], int(row["count"])) for row in stats)
    draw = Draw.of({(one.split, one.label): one.count for one in counts})
    parts = records["pca"].parts(run, run.components)
    drawn = Drawn.of(spark, parts, draw, PREDICTED if applied else COMPONENTS)
    values, refs = drawn.values, drawn.refs
    among = compare(spark, files, drawn, applied) if applied else None
    compared = np.array([draw.compares(ref) for ref in refs], dtype=bool)
    rejections = Rejections.of(
        Rejection(row["path"], row["stage"], row["reason"])
        for stage in ("unzip", "featurize")
        for row in files.read_csv(origin.files(stage, run).rejected_by(stage))
    )
    plotted = sample_points(refs, PLOTTED if among else SAMPLE_SIZE)
    row_of = {ref.path: row for row, ref in enumerate(refs)}
    shown = [row_of[ref.path] for ref in sample_points(refs, _LIKENESSES)]
    nearest = nearest_rows(values, shown, _NEAREST)
    rejected = {rejection.path for rejection in rejections.first}
    confused = Confused(None) if among else Confused.find(values, refs, compared)
    copies, on_map = copied_paths(summary), set(plotted)
    beside = [*shown, *nearest.ravel().tolist(), *confused.rows, *(row_of[path] for path in copies if path in row_of)]
    beside += [one.row for one in among.chosen] if among else []
    more = [refs[row] for row in dict.fromkeys(beside) if refs[row] not in on_map]
    wanted = {ref.path for ref in (*plotted, *more)} | rejected | set(copies)
    little = thumbnails(spark, records["unzip"].parts(unzipped, unzipped.images), wanted)

    def picture(row: int) -> Picture:
        return Picture(*refs[row], thumbnail=little.get(refs[row].path, b""))

    def point(ref: ImageRef) -> Point:
        return Point(*ref, drawn.located(row_of[ref.path]), thumbnail=little.get(ref.path, b""))

    data = ReportData(
        summary=summary,
        spectrum=components.spectrum.tolist(),
        kept=components.kept,
        counts=counts,
        rejections=rejections,
        points=(*map(point, plotted), *(among.points if among else ())),
        accuracy=confused.accuracy,
        compared=int(compared.sum()) if draw.compared < 1 else None,
        likenesses=tuple(
            Likeness(picture(row), tuple(picture(other) for other in others))
            for row, others in zip(shown, nearest.tolist(), strict=True)
        ),
        rejected_pictures={path: little[path] for path in sorted(rejected) if little.get(path)},
        banner=_banner(summary),
        more=tuple(map(point, more)),
        confused=confused.paths(refs),
        copied=copied(summary, little),
        predictions=among.told(picture) if among else None,
    )
    files.write_text(run.report, [render(data)])


def _banner(summary: Mapping[str, Any]) -> str:
    if summary["model"]["weights"] != "random":
        return ""
    return (
        "Random weights: the network has learnt nothing, so these features show that the pipeline works, not the fruit."
    )

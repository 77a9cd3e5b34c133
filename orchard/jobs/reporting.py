"""Gather what the report shows from a run's files, and write the page."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchard.components.neighbours import nearest_rows
from orchard.jobs.beside import Confused, copied, copied_paths
from orchard.jobs.rows import Piece, cut, lists, matrix, read_rows, share_out
from orchard.jobs.tables import COMPONENTS, NAMES
from orchard.jobs.tasks import run_tasks
from orchard.pipeline.origin import NO_ORIGIN
from orchard.report.data import LabelCount, Likeness, Picture, Point, Rejection, Rejections, ReportData
from orchard.report.page import render
from orchard.report.pool import MOST_COORDINATES
from orchard.report.sample import Draw, ImageRef, sample_points, thumbnail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from orchard.components.solve import PrincipalComponents
    from orchard.jobs.files import HadoopFiles
    from orchard.jobs.stages import StageRecord
    from orchard.layout import RunFiles
    from orchard.pipeline.origin import Origin

_NEIGHBOUR_COMPONENTS = 256
"""Neighbours are looked for on the first components only: 100k rows of 256 float32 are 100 MB in the driver, and the
components after them hold a small share of the variance, and so of the distances."""

_NARROW = pa.schema([*((name, pa.string()) for name in NAMES), ("components", pa.list_(pa.float32()))])

_PIECE_BYTES = 8 << 20
_PICTURES = 64  # in memory at once, as files

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
) -> None:
    """Write `report.html`.

    Args:
        run: The run's files, all written but the report, the summary and the manifest.
        records: Those of the stages, by name.
        summary: What `summary.json` will hold.
        origin: The earlier runs whose files it uses.
    """
    unzipped = origin.files("unzip", run)
    stats = files.read_csv(unzipped.stats_table)
    counts = tuple(LabelCount(row["split"], row["label"], int(row["count"])) for row in stats)
    draw = Draw.of({(one.split, one.label): one.count for one in counts})
    table = _collect(spark, records["pca"].parts(run, run.components), draw)
    values: NDArray[np.float32] = matrix(table.column("components").combine_chunks())
    refs = _refs(table)
    compared = np.array([draw.compares(ref) for ref in refs], dtype=bool)
    rejections = Rejections.of(
        Rejection(row["path"], row["stage"], row["reason"])
        for stage in ("unzip", "featurize")
        for row in files.read_csv(origin.files(stage, run).rejected_by(stage))
    )
    plotted = sample_points(refs)
    row_of = {ref.path: row for row, ref in enumerate(refs)}
    shown = [row_of[ref.path] for ref in sample_points(refs, _LIKENESSES)]
    nearest = nearest_rows(values, shown, _NEAREST)
    rejected = {rejection.path for rejection in rejections.first}
    confused = Confused.find(values, refs, compared)
    copies, on_map = copied_paths(summary), set(plotted)
    beside = [*shown, *nearest.ravel().tolist(), *confused.rows, *(row_of[path] for path in copies if path in row_of)]
    more = [refs[row] for row in dict.fromkeys(beside) if refs[row] not in on_map]
    wanted = {ref.path for ref in (*plotted, *more)} | rejected | set(copies)
    little = _thumbnails(spark, records["unzip"].parts(unzipped, unzipped.images), wanted)

    def picture(row: int) -> Picture:
        return Picture(*refs[row], thumbnail=little.get(refs[row].path, b""))

    def point(ref: ImageRef) -> Point:
        return Point(*ref, _first(values[row_of[ref.path]]), thumbnail=little.get(ref.path, b""))

    data = ReportData(
        summary=summary,
        spectrum=components.spectrum.tolist(),
        kept=components.kept,
        counts=counts,
        rejections=rejections,
        points=tuple(map(point, plotted)),
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
    )
    files.write_text(run.report, [render(data)])


def _banner(summary: Mapping[str, Any]) -> str:
    if summary["model"]["weights"] != "random":
        return ""
    return (
        "Random weights: the network has learnt nothing, so these features show that the pipeline works, not the fruit."
    )


def _collect(spark: SparkSession, components: Mapping[str, int], draw: Draw) -> pa.Table:
    """The rows that are drawn with their first components, as float32, from every task one Arrow stream."""

    def narrow(share: list[Piece]) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _NARROW) as stream:
            for every in read_rows(share, COMPONENTS.schema.names):
                rows = every.filter(pa.array([draw.takes(ref) for ref in _refs(every)], pa.bool_()))
                if not rows.num_rows:
                    continue
                values = matrix(rows.column("components"))[:, :_NEIGHBOUR_COMPONENTS].astype(np.float32)
                names = rows.select(NAMES).columns
                stream.write_batch(pa.record_batch([*names, lists(values)], schema=_NARROW))
        return bytes(sink.getvalue())

    streams = run_tasks(spark, narrow, _shares(spark, components))
    return pa.concat_tables(pa.ipc.open_stream(stream).read_all() for stream in streams)


def _refs(rows: pa.RecordBatch | pa.Table) -> list[ImageRef]:
    columns = (rows.column(name).to_pylist() for name in ImageRef._fields)
    return [ImageRef(*ref) for ref in zip(*columns, strict=True)]


def _first(row: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(float(value) for value in row[:MOST_COORDINATES])


def _thumbnails(spark: SparkSession, images: Mapping[str, int], paths: set[str]) -> dict[str, bytes]:
    """The chosen pictures in little; the tasks make them, so that no large picture reaches the driver."""

    def shrink(share: list[Piece]) -> list[tuple[str, bytes]]:
        wanted = pa.array(sorted(paths), pa.string())
        return [
            (path.as_py(), thumbnail(content.as_py()))
            for rows in read_rows(share, ["path", "content"], rows=_PICTURES)
            for path, content in zip(*rows.filter(pc.is_in(rows.column("path"), wanted)).columns, strict=True)
        ]

    return dict(itertools.chain.from_iterable(run_tasks(spark, shrink, _shares(spark, images))))


def _shares(spark: SparkSession, files: Mapping[str, int]) -> list[list[Piece]]:
    """As many as cores."""
    return share_out(cut(files, _PIECE_BYTES), spark.sparkContext.defaultParallelism)

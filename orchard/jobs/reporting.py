"""Gather what the report shows from a run's files, and write the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orchard.components.neighbours import NeighbourAccuracy, nearest_neighbour_accuracy, nearest_rows
from orchard.report.data import LabelCount, Likeness, Picture, Point, Rejection, Rejections, ReportData
from orchard.report.page import render
from orchard.report.sample import ImageRef, sample_points, thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from orchard.components.solve import PrincipalComponents
    from orchard.jobs.files import HadoopFiles
    from orchard.layout import RunFiles

_NEIGHBOUR_COMPONENTS = 256
"""Neighbours are looked for on the first components only: 155k rows of 256 float32 are 160 MB in the driver, and the
components after them hold a small share of the variance, and so of the distances."""

_PLOTTED_COMPONENTS = 10
_LIKENESSES = 12
_NEAREST = 5


def write_report(
    spark: SparkSession, files: HadoopFiles, run: RunFiles, components: PrincipalComponents, summary: Mapping[str, Any]
) -> None:
    """Write `report.html`.

    Args:
        spark: The session.
        files: Where the run's folder is reached.
        run: The run's files, all written but the report, the summary and the manifest.
        components: What was fitted.
        summary: What `summary.json` will hold.
    """
    table = _collect(spark.read.parquet(run.components))
    labels, splits = table.column("label").to_pylist(), table.column("split").to_pylist()
    values = _values(table)
    refs = [ImageRef(*ref) for ref in zip(table.column("path").to_pylist(), splits, labels, strict=True)]
    rejections = Rejections.of(
        Rejection(row["path"], row["stage"], row["reason"])
        for stage in ("unzip", "featurize")
        for row in files.read_csv(run.rejected_by(stage))
    )
    plotted = sample_points(refs)
    row_of = {ref.path: row for row, ref in enumerate(refs)}
    shown = [row_of[ref.path] for ref in sample_points(refs, _LIKENESSES)]
    nearest = nearest_rows(values, shown, _NEAREST)
    rejected = {rejection.path for rejection in rejections.first}
    wanted = {ref.path for ref in plotted} | {refs[row].path for row in (*shown, *nearest.ravel())} | rejected
    little = _thumbnails(spark, run, wanted)

    def picture(row: int) -> Picture:
        return Picture(*refs[row], thumbnail=little.get(refs[row].path, b""))

    data = ReportData(
        summary=summary,
        spectrum=components.spectrum.tolist(),
        kept=components.kept,
        counts=tuple(
            LabelCount(row["split"], row["label"], int(row["count"])) for row in files.read_csv(run.stats_table)
        ),
        rejections=rejections,
        points=tuple(
            Point(*ref, _first(values[row_of[ref.path]]), thumbnail=little.get(ref.path, b"")) for ref in plotted
        ),
        accuracy=_accuracy(values, np.array(labels, dtype=object), np.array(splits, dtype=object)),
        likenesses=tuple(
            Likeness(picture(row), tuple(picture(other) for other in others))
            for row, others in zip(shown, nearest.tolist(), strict=True)
        ),
        rejected_pictures={path: little[path] for path in sorted(rejected) if little.get(path)},
        banner=_banner(summary),
    )
    files.write_text(run.report, [render(data)])


def _banner(summary: Mapping[str, Any]) -> str:
    if summary["model"]["weights"] != "random":
        return ""
    return (
        "Random weights: the network has learnt nothing, so these features show that the pipeline works, not the fruit."
    )


def _collect(projected: DataFrame) -> pa.Table:
    """All rows with their first components, as float32, one Arrow stream a batch."""
    streams = projected.mapInArrow(_streams, "stream binary").collect()
    tables = [pa.ipc.open_stream(bytes(row["stream"])).read_all() for row in streams]
    return pa.concat_tables(tables)


def _streams(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not batch.num_rows:
            continue
        column = batch.column("components")
        values = column.flatten().to_numpy().reshape(batch.num_rows, -1)[:, :_NEIGHBOUR_COMPONENTS]
        floats = pa.FixedSizeListArray.from_arrays(pa.array(values.astype(np.float32).ravel()), values.shape[1])
        narrow = pa.record_batch(
            [*batch.select(["path", "split", "label"]).columns, floats], names=["path", "split", "label", "components"]
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, narrow.schema) as stream:
            stream.write_batch(narrow)
        yield pa.record_batch([pa.array([sink.getvalue().to_pybytes()], pa.binary())], names=["stream"])


def _values(table: pa.Table) -> NDArray[np.float32]:
    column = table.column("components").combine_chunks()
    flat: NDArray[np.float32] = column.flatten().to_numpy()
    return flat.reshape(table.num_rows, -1)


def _first(row: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(float(value) for value in row[:_PLOTTED_COMPONENTS])


def _thumbnails(spark: SparkSession, run: RunFiles, paths: set[str]) -> dict[str, bytes]:
    """The chosen pictures in little; the tasks make them, so that no large picture reaches the driver."""
    shared = spark.sparkContext.broadcast(paths)

    def shrink(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [
                (path.as_py(), thumbnail(content.as_py()))
                for path, content in zip(batch.column("path"), batch.column("content"), strict=True)
                if path.as_py() in shared.value
            ]
            names, pictures = zip(*rows, strict=True) if rows else ((), ())
            yield pa.record_batch(
                [pa.array(names, pa.string()), pa.array(pictures, pa.binary())], names=["path", "thumbnail"]
            )

    little = spark.read.parquet(run.images).select("path", "content")
    return {
        row["path"]: bytes(row["thumbnail"])
        for row in little.mapInArrow(shrink, "path string, thumbnail binary").collect()
    }


def _accuracy(
    values: NDArray[np.float32], labels: NDArray[np.object_], splits: NDArray[np.object_]
) -> NeighbourAccuracy | None:
    """How often the nearest Training image of a Test image has its label; None unless there are both."""
    train, test = splits == "Training", splits == "Test"
    if not train.any() or not test.any():
        return None
    return nearest_neighbour_accuracy(values[train], labels[train].tolist(), values[test], labels[test].tolist())

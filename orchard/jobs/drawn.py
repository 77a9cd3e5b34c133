"""What the report needs of the pictures of a run: those that are drawn, their first components, and thumbnails."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orchard.jobs.rows import Piece, cut, lists, matrix, read_rows, share_out
from orchard.jobs.tables import COMPONENTS, Table
from orchard.jobs.tasks import run_tasks
from orchard.report.pool import MOST_COORDINATES
from orchard.report.sample import Draw, ImageRef, thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

_NEIGHBOUR_COMPONENTS = 256
"""Neighbours are looked for on the first components only: 100k rows of 256 float32 are 100 MB in the driver, and the
components after them hold a small share of the variance, and so of the distances."""

_PIECE_BYTES = 8 << 20
_PICTURES = 64  # in memory at once, as files

_NARROW = pa.field("components", pa.list_(pa.float32()))


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pictures of a run.

    Attributes:
        refs: They, in no order.
        values: The first components of each, [n, d].
        rows: What else their table says, a row each.
    """

    refs: list[ImageRef]
    values: NDArray[np.float32]
    rows: pa.Table

    @classmethod
    def of(cls, spark: SparkSession, components: Mapping[str, int], draw: Draw, table: Table = COMPONENTS) -> Drawn:
        """Read them, from every task one Arrow stream.

        Args:
            components: The files of the table: URI → size in bytes.
            draw: Which ones.
            table: What the files are of: `orchard.jobs.tables.COMPONENTS`, or PREDICTED.
        """
        schema = table.schema.set(table.schema.get_field_index("components"), _NARROW)

        def narrow(share: list[Piece]) -> bytes:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, schema) as stream:
                for every in read_rows(share, schema.names):
                    rows = every.filter(pa.array([draw.takes(ref) for ref in refs_of(every)], pa.bool_()))
                    if not rows.num_rows:
                        continue
                    values = matrix(rows.column("components"))[:, :_NEIGHBOUR_COMPONENTS].astype(np.float32)
                    columns = {name: rows.column(name) for name in schema.names} | {"components": lists(values)}
                    stream.write_batch(pa.record_batch([*columns.values()], schema=schema))
            return bytes(sink.getvalue())

        streams = run_tasks(spark, narrow, _shares(spark, components))
        rows = pa.concat_tables(pa.ipc.open_stream(stream).read_all() for stream in streams)
        return cls(refs_of(rows), matrix(rows.column("components").combine_chunks()), rows)

    def located(self, row: int) -> tuple[float, ...]:
        """The components of one of them that the page has."""
        return tuple(float(value) for value in self.values[row][:MOST_COORDINATES])


def refs_of(rows: pa.RecordBatch | pa.Table) -> list[ImageRef]:
    """Which pictures these rows are about."""
    columns = (rows.column(name).to_pylist() for name in ImageRef._fields)
    return [ImageRef(*ref) for ref in zip(*columns, strict=True)]


def thumbnails(spark: SparkSession, images: Mapping[str, int], paths: Iterable[str]) -> dict[str, bytes]:
    """The chosen pictures in little; the tasks make them, so that no large picture reaches the driver.

    Args:
        images: The files of the pictures: URI → size in bytes.
        paths: Which ones.
    """
    chosen = sorted(set(paths))

    def shrink(share: list[Piece]) -> list[tuple[str, bytes]]:
        return [
            (path.as_py(), thumbnail(content.as_py()))
            for rows in read_rows(share, ["path", "content"], paths=chosen, rows=_PICTURES)
            for path, content in zip(*rows.columns, strict=True)
        ]

    return dict(itertools.chain.from_iterable(run_tasks(spark, shrink, _shares(spark, images))))


def _shares(spark: SparkSession, files: Mapping[str, int]) -> list[list[Piece]]:
    """As many as cores."""
    return share_out(cut(files, _PIECE_BYTES), spark.sparkContext.defaultParallelism)

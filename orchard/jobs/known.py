"""Pictures of which an earlier run has features: found by their bytes, and copied instead of computed.

Featurize writes down of each picture the digest of its content, and where its features are or why it has none; a later
run looks its own pictures up. Tasks tell the driver which of theirs are known, in columns, and it has each file of the
earlier run read by one task, once, in whatever order the pictures come.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchard.archive.sources.base import SourceFile
from orchard.archive.sources.open import open_source
from orchard.jobs.rows import Piece, read_rows, share_out
from orchard.jobs.tables import DIGEST_BYTES, DIGESTS, FEATURES, NAMES, Part, write_part
from orchard.jobs.tasks import run_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from orchard.jobs.stages import StageRecord
    from orchard.layout import RunFiles

REJECTED = -1
"""The row, in `digests/`, of a picture that has no features."""

_ROWS = 1 << 16
_FOUND = pa.schema(
    [*(FEATURES.schema.field(name) for name in NAMES), DIGESTS.schema.field("digest"), ("at", pa.int32())]
)


def digest_of(content: bytes | pa.Buffer) -> bytes:
    """What tells the content of a picture from any other: BLAKE2b (RFC 7693), 16 bytes long."""
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


@dataclass(frozen=True)
class KnownPictures:
    """The pictures of an earlier run, in the order of their digests; some forty bytes each, and sent to all workers.

    Attributes:
        first, second: The halves of the digests.
        table: The other columns of `orchard.jobs.tables.DIGESTS`.
    """

    first: NDArray[np.uint64]
    second: NDArray[np.uint64]
    table: pa.Table

    @classmethod
    def of(cls, digests: pa.Table) -> KnownPictures:
        """From rows of `orchard.jobs.tables.DIGESTS`, in any order; of equal pictures one stands for all."""
        halves = _halves(digests.column("digest"))
        order = np.unique(halves[:, 0], return_index=True)[1]
        return cls(halves[order, 0], halves[order, 1], digests.drop_columns(["digest"]).take(pa.array(order)))

    def find(self, digests: Sequence[bytes]) -> NDArray[np.int64]:
        """The place of each picture among them; -1 for one that is not there."""
        if not len(self.first):
            return np.full(len(digests), -1)
        wanted = np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2)
        places = np.minimum(np.searchsorted(self.first, wanted[:, 0]), len(self.first) - 1)
        is_there = (self.first[places] == wanted[:, 0]) & (self.second[places] == wanted[:, 1])
        return np.where(is_there, places, -1)


def _halves(digests: pa.ChunkedArray) -> NDArray[np.uint64]:
    whole = digests.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # of no chunk, or of several in newer versions
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], digests.type)
    held = np.frombuffer(whole.buffers()[1] or b"", "<u8").reshape(-1, 2)
    return held[whole.offset : whole.offset + len(whole)]


def load_known(spark: SparkSession, run: RunFiles, record: StageRecord) -> KnownPictures:
    """Read which pictures an earlier run has features of.

    Args:
        run: Its files.
        record: The record of its featurize stage.
    """
    pieces = [Piece(uri, size) for uri, size in record.parts(run, run.digests).items()]

    def load(share: list[Piece]) -> bytes:
        rows = [*read_rows(share, DIGESTS.schema.names, rows=_ROWS)]
        return _packed(pa.Table.from_batches(rows, DIGESTS.schema))

    loaded = run_tasks(spark, load, share_out(pieces, spark.sparkContext.defaultParallelism))
    table = pa.concat_tables([DIGESTS.schema.empty_table(), *map(_unpacked, loaded)])
    return KnownPictures.of(_encoded(table))


def _encoded(table: pa.Table) -> pa.Table:
    """A few texts stand in many rows: each is kept once."""
    for name in ("file", "told"):
        column = pc.dictionary_encode(table.column(name)).unify_dictionaries()
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table.combine_chunks()


@dataclass
class Noted:
    """What is written down of pictures while their features are computed.

    Attributes:
        rejected: Path and reason of those that have none.
        seen: How many are not taken as they are, by `orchard.layout.NOT_AS_THEY_ARE`.
        digests: Of those of which it is known what becomes of them, the digest, the row of the features in the task's
            file, or `REJECTED`, and what is told: why there are none, or how they are not as they are.
        found: Those whose features are to be copied.
    """

    rejected: list[tuple[str, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    digests: list[tuple[bytes, int, str]] = field(default_factory=list)
    found: list[pa.RecordBatch] = field(default_factory=list)
    rejected_again: int = 0
    _rows: int = 0

    def take(self, digest: bytes, seen: Counter[str]) -> None:
        """The next row of the task's file is this picture's."""
        self.digests.append((digest, self._rows, " ".join(seen)))
        self.seen.update(seen)
        self._rows += 1

    def reject(self, path: str, digest: bytes, reason: str) -> None:
        """A picture has no features."""
        self.rejected.append((path, reason))
        self.digests.append((digest, REJECTED, reason))

    def know(
        self, known: KnownPictures, names: pa.RecordBatch, digests: Sequence[bytes], places: NDArray[np.int64]
    ) -> None:
        """Pictures are known: those that were rejected are so again, and others will be copied.

        Args:
            names: Their path, split and label.
            places: Their places among those that are known.
        """
        facts = known.table.take(pa.array(places))
        rows, told = facts.column("row").to_numpy(), facts.column("told").to_pylist()
        for number in np.flatnonzero(rows == REJECTED).tolist():
            self.reject(names.column("path")[number].as_py(), digests[number], told[number])
            self.rejected_again += 1
        copied = np.flatnonzero(rows != REJECTED)
        self.seen.update(name for number in copied.tolist() for name in told[number].split())
        if copied.size:
            columns = names.take(pa.array(copied)).columns
            of = pa.array([digests[number] for number in copied.tolist()], DIGESTS.schema.field("digest").type)
            self.found.append(pa.record_batch([*columns, of, pa.array(places[copied], pa.int32())], schema=_FOUND))

    def packed(self) -> bytes:
        """Those that are to be copied, for the driver, which has room for a million of them."""
        return _packed(pa.Table.from_batches(self.found, _FOUND)) if self.found else b""

    def write(self, folder: str, features: Part | None) -> Part | None:
        """Write the task's file of `digests/`.

        Args:
            features: The task's file of `features/`.
        """
        return _write_digests(folder, features, *zip(*self.digests, strict=True)) if self.digests else None


def _write_digests(
    folder: str, features: Part | None, digests: Sequence[bytes], rows: Sequence[int], told: Sequence[str]
) -> Part | None:
    name = "" if features is None else features.uri.rpartition("/")[2]
    values = (digests, [name] * len(rows), rows, told)
    columns = [pa.array(one, field.type) for one, field in zip(values, DIGESTS.schema, strict=True)]
    return write_part(DIGESTS, folder, [pa.record_batch(columns, schema=DIGESTS.schema)])


@dataclass(frozen=True)
class _Wanted:
    """What one task copies: some rows of one file, in its order, and whose they are."""

    uri: str
    rows: bytes


def copy_features(
    spark: SparkSession, known: KnownPictures, features: str, run: RunFiles, found: Iterable[bytes]
) -> list[tuple[Part | None, Part | None]]:
    """Copy the features of pictures that are known, bit for bit.

    Args:
        features: The folder from which.
        run: The run that takes them.
        found: What tasks have found, as `Noted.packed` gave it.

    Returns:
        The files that were written, of `features/` and of `digests/`.
    """
    packed = [one for one in found if one]
    if not packed:
        return []
    table = pa.concat_tables(map(_unpacked, packed))
    facts = known.table.take(table.column("at"))
    table = table.drop_columns(["at"])
    for name in ("file", "row", "told"):
        table = table.append_column(name, pc.cast(facts.column(name), DIGESTS.schema.field(name).type))
    table = table.sort_by([("file", "ascending"), ("row", "ascending")])
    names = pc.value_counts(table.column("file")).to_pylist()  # in order, as they come
    wanted, first = [], 0
    for one in names:
        some = table.slice(first, one["counts"]).drop_columns(["file"])
        wanted.append(_Wanted(f"{features}/{one['values']}", _packed(some)))
        first += one["counts"]

    def copy(work: _Wanted) -> tuple[Part | None, Part | None]:
        rows = _unpacked(work.rows).combine_chunks()
        written = write_part(FEATURES, run.features, _copied(work.uri, rows))
        digests, told = (rows.column(name).to_pylist() for name in ("digest", "told"))
        return written, _write_digests(run.digests, written, digests, range(len(rows)), told)

    return run_tasks(spark, copy, wanted)


def _copied(uri: str, wanted: pa.Table) -> Iterator[pa.RecordBatch]:
    """The features that are wanted, a row group at a time.

    Args:
        wanted: Path, split, label and row, in the order of the rows.
    """
    rows = wanted.column("row").to_numpy()
    with pq.ParquetFile(SourceFile(open_source(uri)), pre_buffer=False) as file:
        first = 0
        for group in range(file.num_row_groups):
            end = first + file.metadata.row_group(group).num_rows
            here = slice(*np.searchsorted(rows, (first, end)).tolist())
            if here.start < here.stop:
                column = file.read_row_group(group, ["features"], use_threads=False).column("features")
                names = wanted.slice(here.start, here.stop - here.start).select(NAMES).combine_chunks()
                features = column.combine_chunks().take(pa.array(rows[here] - first))
                columns = [*(one.combine_chunks() for one in names.columns), features]
                yield pa.record_batch(columns, schema=FEATURES.schema)
            first = end


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()

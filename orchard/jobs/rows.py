"""The rows of a table, read by the Python workers themselves, by ranges (docs/adr/0010).

A worker gets names of files, and Arrow turns their columns into arrays without touching a value.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchard.archive.sources.base import SourceFile
from orchard.archive.sources.open import open_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

_ROWS = 512
"""Rows in memory at once: 2.6 MB of features. Reading 2048 at once takes a quarter longer."""

_RANGE_BYTES = 16 << 20
"""Bytes of a column that one request fetches."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some row groups of a file, side by side.

    Attributes:
        uri: The file, as `orchard.archive.sources.open.open_source` takes it.
        size: The piece's size in bytes, more or less.
        number: Which of the file's pieces this is, from 0.
        of: How many pieces the file is cut into, as evenly as its row groups let it.
    """

    uri: str
    size: int
    number: int = 0
    of: int = 1


def cut(files: Mapping[str, int], piece_bytes: int) -> list[Piece]:
    """Cut files into pieces of about one size.

    Args:
        files: URI → size in bytes.
        piece_bytes: How large a piece should be at most. A row group is never cut: there may be pieces with nothing.
    """
    return [
        Piece(uri, math.ceil(size / pieces), number, pieces)
        for uri, size in files.items()
        for pieces in [max(1, math.ceil(size / piece_bytes))]
        for number in range(pieces)
    ]


def share_out(pieces: Iterable[Piece], shares: int) -> list[list[Piece]]:
    """Deal pieces out evenly: the largest that is left to whoever has least (Graham's LPT rule, 1969).

    Returns:
        The shares that are not empty.
    """
    dealt: list[list[Piece]] = [[] for _ in range(shares)]
    loads = [0] * shares
    for piece in sorted(pieces, key=lambda piece: (-piece.size, piece.uri, piece.number)):
        least = loads.index(min(loads))
        dealt[least].append(piece)
        loads[least] += piece.size
    return [share for share in dealt if share]


def read_rows(
    pieces: Iterable[Piece],
    columns: Sequence[str],
    *,
    split: str | None = None,
    paths: Sequence[str] | None = None,
    rows: int = _ROWS,
) -> Iterator[pa.RecordBatch]:
    """Read columns of a table, some rows at a time.

    Args:
        split: Only the rows of this split.
        paths: Only the rows of these pictures, sorted. Of a row group that has none of them nothing is read, or where
            its least and greatest path do not tell, its paths alone.
        rows: How many at a time.

    Yields:
        Batches of these columns, none without rows.

    Raises:
        SourceError: A file is not there, or cannot be read.
    """
    asked = [name for name, value in (("split", split), ("path", paths)) if value is not None]
    wanted = [*dict.fromkeys([*columns, *asked])]
    for piece in pieces:
        # buffered, so that a column chunk comes in ranges; without threads, as each task has one core
        file = SourceFile(open_source(piece.uri))
        with pq.ParquetFile(file, buffer_size=_RANGE_BYTES, pre_buffer=False) as parquet:
            first, end = (parquet.num_row_groups * part // piece.of for part in (piece.number, piece.number + 1))
            groups = [one for one in range(first, end) if paths is None or has_any(parquet, one, paths)]
            for batch in parquet.iter_batches(rows, groups, wanted, use_threads=False):
                kept = batch if split is None else batch.filter(pc.equal(batch.column("split"), split))
                if paths is not None:
                    kept = kept.filter(pc.is_in(kept.column("path"), pa.array(paths, pa.string())))
                if kept.num_rows:
                    yield kept.select(columns)


def has_any(parquet: pq.ParquetFile, group: int, paths: Sequence[str]) -> bool:
    """Whether a row group has one of these paths, sorted; its least and greatest path mostly tell."""
    metadata = parquet.metadata.row_group(group)
    known = metadata.column(parquet.schema_arrow.get_field_index("path")).statistics
    if known is not None and known.has_min_max:
        paths = paths[bisect_left(paths, known.min) : bisect_right(paths, known.max)]
        if not paths:
            return False
    there = parquet.read_row_group(group, ["path"], use_threads=False).column("path")
    return bool(pc.any(pc.is_in(there, pa.array(paths, pa.string()))).as_py())


def matrix(column: pa.ListArray) -> NDArray[Any]:
    """The lists of a column, all of one length, as the rows of a matrix; nothing is copied."""
    values: NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=True)
    return values.reshape(len(column), -1)


def lists(rows: NDArray[Any]) -> pa.ListArray:
    """The rows of a matrix as the lists of a column; nothing is copied.

    Args:
        rows: [n, d].
    """
    return pa.ListArray.from_arrays(np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1], rows.ravel())

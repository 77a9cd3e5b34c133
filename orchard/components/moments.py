"""Count, mean and scatter of rows: the partial sums of a covariance, which can be added in any grouping.

The scatter is the centred Gram matrix, the sum of (x - mean)(x - mean)ᵀ. The textbook form, the plain Gram matrix
minus n·mean·meanᵀ, subtracts two numbers that are nearly equal when the mean is large beside the spread, and loses the
digits that matter. So each block of rows is centred on its own mean before the one matrix product (BLAS-3, float64),
and two blocks are joined by the update of Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for
Computing Sample Variances" (1979), after Youngs and Cramer (1971), whose correction term holds only the difference of
the two means.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_BLOCK_ROWS = 4096
"""Rows per matrix product. Tall enough for BLAS-3 to run at full speed and for the joining, which costs as much as two
rows, to vanish; at 1280 columns the buffer takes 42 MB and the whole computation less than 120 MB."""

_HEADER = struct.Struct("<4sQI")
_MAGIC = b"OMo1"


@dataclass(frozen=True, eq=False)
class Moments:
    """What rows of numbers leave behind for a covariance.

    Attributes:
        count: The number of rows.
        mean: Their mean, float64 [d]; zeros when there are no rows.
        scatter: The sum of (x - mean)(x - mean)ᵀ over the rows, float64 [d, d].
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @property
    def dimensions(self) -> int:
        """The number of columns, d."""
        return int(self.mean.shape[0])

    @classmethod
    def of(cls, rows: NDArray[Any]) -> Moments:
        """The moments of rows, a bounded number of which is held in float64 at a time.

        Args:
            rows: [n, d] of float32 or float64; n may be 0.

        Raises:
            ValueError: The array has not two dimensions.
        """
        return accumulate([rows]) or cls._none(_checked(rows).shape[1])

    @classmethod
    def _none(cls, dimensions: int) -> Moments:
        return cls(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    def __add__(self, other: Moments) -> Moments:
        if self.dimensions != other.dimensions:
            raise ValueError(f"rows of {self.dimensions} and of {other.dimensions} columns cannot be added")
        if not other.count:
            return self
        if not self.count:
            return other
        count = self.count + other.count
        apart = other.mean - self.mean
        scatter = np.outer(apart, apart * (self.count * (other.count / count)))
        scatter += self.scatter
        scatter += other.scatter
        return Moments(count, self.mean + apart * (other.count / count), scatter)

    def to_bytes(self) -> bytes:
        """The moments as bytes, the symmetric scatter by its upper triangle: 6.6 MB at 1280 columns."""
        triangle = self.scatter[np.triu_indices(self.dimensions)]
        header = _HEADER.pack(_MAGIC, self.count, self.dimensions)
        return b"".join([header, self.mean.astype("<f8").tobytes(), triangle.astype("<f8").tobytes()])

    @classmethod
    def from_bytes(cls, content: bytes) -> Moments:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: These are other bytes, or some are missing.
        """
        if len(content) < _HEADER.size:
            raise ValueError("not moments: too short")
        magic, count, d = _HEADER.unpack_from(content)
        if magic != _MAGIC or len(content) != _HEADER.size + 8 * (d + d * (d + 1) // 2):
            raise ValueError("not moments: another kind of bytes, or some are missing")
        numbers = np.frombuffer(content, "<f8", offset=_HEADER.size).astype(np.float64)
        upper = np.zeros((d, d))
        upper[np.triu_indices(d)] = numbers[d:]
        return cls(count, numbers[:d], upper + np.triu(upper, 1).T)


def accumulate(blocks: Iterable[NDArray[Any]]) -> Moments | None:
    """The moments of all rows of all blocks, in one pass.

    Blocks of any height are gathered into a buffer of a few thousand rows first, so that small Arrow batches cost no
    more than large ones, and a huge block is never converted to float64 as a whole.

    Args:
        blocks: Arrays [n, d] of float32 or float64, of one width; n may differ and may be 0.

    Returns:
        The moments; None when there is not a single row.

    Raises:
        ValueError: A block has not two dimensions, or another width than the first.
    """
    total: Moments | None = None
    buffer: NDArray[np.float64] | None = None
    filled = 0
    for block in blocks:
        rows = _checked(block)
        if not rows.shape[0]:
            continue
        if buffer is None:
            buffer = np.empty((_BLOCK_ROWS, rows.shape[1]))
        if rows.shape[1] != buffer.shape[1]:
            raise ValueError(f"a block of {rows.shape[1]} columns among blocks of {buffer.shape[1]}")
        taken = 0
        while taken < rows.shape[0]:
            step = min(_BLOCK_ROWS - filled, rows.shape[0] - taken)
            buffer[filled : filled + step] = rows[taken : taken + step]
            taken, filled = taken + step, filled + step
            if filled == _BLOCK_ROWS:
                total = _joined(total, _consume(buffer))
                filled = 0
    if buffer is not None and filled:
        total = _joined(total, _consume(buffer[:filled]))
    return total


def _checked(rows: NDArray[Any]) -> NDArray[Any]:
    if rows.ndim != 2:
        raise ValueError(f"rows are an array of two dimensions, not {rows.ndim}")
    return rows


def _consume(rows: NDArray[np.float64]) -> Moments:
    """The moments of one buffer, which is centred in place: its content is spent."""
    mean = rows.mean(axis=0)
    rows -= mean
    # The mean is rounded, so the centred rows have a small mean left. Taking it out (a corrected two-pass sum) keeps
    # the scatter exact even for offsets many orders of magnitude above the spread.
    rest = rows.mean(axis=0)
    rows -= rest
    return Moments(rows.shape[0], mean + rest, rows.T @ rows)


def _joined(total: Moments | None, more: Moments) -> Moments:
    return more if total is None else total + more

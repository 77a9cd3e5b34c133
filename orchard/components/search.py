"""The rows nearest to others, among rows that are kept as float32: exactly, by matrix products over blocks of them.

The kept rows may be a file that is mapped into memory. It is read from the front to the back, once for all that is
looked for, and no more of it is held than a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK_NUMBERS = 2_000_000
"""Numbers in the largest temporary array: 8 MB of float32."""

_TOGETHER = 256
"""Rows that are looked for in one pass."""

_ROUNDING = float(np.finfo(np.float32).eps)


def half_squares(rows: NDArray[Any]) -> NDArray[np.float32]:
    """What `nearest` wants to know of the kept rows: half of each one's squared length, [n]."""
    halves: NDArray[np.float32] = (np.einsum("ij,ij->i", rows, rows, dtype=np.float64) / 2).astype(np.float32)
    return halves


def nearest(
    rows: NDArray[np.float32], halves: NDArray[np.float32], wanted: NDArray[np.float64], count: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Find the kept rows that are nearest to each of some others.

    Args:
        rows: [n, d], around a centre near their mean: float32 has digits to spare there.
        halves: `half_squares(rows)`.
        wanted: [m, d], around the same centre.
        count: How many to find for each.

    Yields:
        For each of the others the numbers of its nearest rows, [min(count, n)], and their Euclidean distances in
        float64, the nearest first; of equally near rows the earlier one.
    """
    for start in range(0, len(wanted), _TOGETHER):
        some = wanted[start : start + _TOGETHER]
        for one, numbers in zip(some, _candidates(rows, halves, some, min(count, len(rows))), strict=True):
            apart = rows[numbers] - one
            distances = np.sqrt(np.einsum("ij,ij->i", apart, apart))
            order = np.lexsort((numbers, distances))[:count]
            yield numbers[order], distances[order]


def _candidates(
    rows: NDArray[np.float32], halves: NDArray[np.float32], wanted: NDArray[np.float64], count: int
) -> list[NDArray[np.int64]]:
    """For each row that is wanted, those that may be among its nearest: float32 cannot tell them from these.

    |w - r|² = |w|² - 2 (w·r - |r|²/2), so the nearest rows have the greatest w·r - |r|²/2. A dot product of d numbers
    is off by at most about d roundings of |w| |r| (Higham, "Accuracy and Stability of Numerical Algorithms", 3.1).
    """
    if not len(rows):
        return [np.empty(0, np.int64) for _ in wanted]
    single = wanted.astype(np.float32)
    longest = np.sqrt(2 * float(halves.max()))
    lengths = np.sqrt(np.einsum("ij,ij->i", wanted, wanted))
    off = ((rows.shape[1] + 2) * _ROUNDING * longest * (lengths + longest)).astype(np.float32)
    best = np.full((len(wanted), count), -np.inf, np.float32)
    found: list[list[tuple[NDArray[np.int64], NDArray[np.float32]]]] = [[] for _ in wanted]
    step = max(1, _BLOCK_NUMBERS // max(len(wanted), rows.shape[1]))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        scores = single @ rows[block].T
        scores -= halves[block]
        together = np.concatenate([best, scores], axis=1)
        best = np.partition(together, together.shape[1] - count, axis=1)[:, -count:]
        for one, (of_block, least) in enumerate(zip(scores, best.min(axis=1) - 2 * off, strict=True)):
            numbers = np.flatnonzero(of_block >= least)
            found[one].append((numbers + start, of_block[numbers]))
    chosen = []
    for parts, least in zip(found, best.min(axis=1) - 2 * off, strict=True):
        numbers, scored = (np.concatenate(column) for column in zip(*parts, strict=True))
        chosen.append(numbers[scored >= least])
    return chosen

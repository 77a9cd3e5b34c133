"""What the nearest known pictures say of a new one: its label, how sure that is, and whether it is like any of them.

Distances are Euclidean, between components. Projections are not centred (see `solve.project`), which changes none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOTERS = 5
"""How many of the nearest known pictures say how sure a label is, and vote on it at most, one vote each: as many as
scikit-learn's `KNeighborsClassifier` asks (`n_neighbors=5`, `weights="uniform"`)."""

_ELECTORATES = (5, 3, 1)

ACCEPTED = 0.999
"""Which share of the known pictures has another one within the distance beyond which a picture is like nothing known.

A high quantile of distances among known ones is the rule of Sun, Ming, Zhu and Li, "Out-of-Distribution Detection with
Deep Nearest Neighbors" (ICML 2022). They take 0.95, by which two in five pictures of the same fruit from other sides
are marked; by this, one in fifteen (docs/adr/0029-known-pictures-vote.md)."""

_SAME = 1e-5
"""Rows are copies of each other when their distance is at most this share of a row's length. Features of one picture
that were computed twice differ by less, in float32, and two different photographs by far more."""


class Nearest:
    """The known rows that are nearest to some others, found exactly, while the known ones come by in blocks.

    A block costs one matrix product (BLAS-3, float64). Distances of what is kept are computed again, from differences:
    |t|² - 2 t·s + |s|² has no digits left for a row that is a copy.

    Args:
        rows: [m, d]. Beside them some arrays are in memory of their size, and some of m · n numbers for n in a block.
        count: How many known rows are kept for each.
        copies: Whether a known row counts that is the same as the other, up to rounding.

    Attributes:
        distances: [m, count], the nearest first; infinite where fewer have come by.
        labels: [m, count]: what `add` was told of these rows, and -1 where fewer have come by. Of rows that are equally
            near, the one of the smaller label comes first.
    """

    def __init__(self, rows: NDArray[Any], count: int = VOTERS, *, copies: bool = True) -> None:
        values = np.asarray(rows, dtype=np.float64)
        self._centre: NDArray[np.float64] = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
        self._rows: NDArray[np.float64] = values - self._centre
        self._squares = np.einsum("ij,ij->i", self._rows, self._rows)
        self._same = None if copies else (_SAME**2) * np.einsum("ij,ij->i", values, values)
        self.distances = np.full((len(values), count), np.inf)
        self.labels = np.full((len(values), count), -1, dtype=np.int64)

    def add(self, known: NDArray[Any], labels: NDArray[np.int64]) -> None:
        """Compare with a block of known rows.

        Args:
            known: [n, d], n at least 1. Some hundred rows are enough for BLAS-3 to run at full speed.
            labels: [n], numbers from 0.
        """
        block: NDArray[np.float64] = np.asarray(known, dtype=np.float64) - self._centre
        squares = self._rows @ block.T
        squares *= -2.0
        squares += np.einsum("ij,ij->i", block, block)
        squares += self._squares[:, None]
        if self._same is not None:
            squares[squares <= self._same[:, None]] = np.inf
        # with room for rounding: what is kept is decided by the distances
        worst = self.distances[:, -1] ** 2 + 1e-9 * self._squares
        better = np.flatnonzero(squares.min(axis=1) <= worst)
        kept = min(self.distances.shape[1], len(block))
        nearest = np.argpartition(squares[better], kept - 1, axis=1)[:, :kept]
        distances = np.empty(nearest.shape)
        for place, rows in enumerate(nearest.T):
            apart = self._rows[better] - block[rows]
            distances[:, place] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        nobody = np.isinf(np.take_along_axis(squares[better], nearest, axis=1))
        distances[nobody] = np.inf
        self.take(distances, np.where(nobody, -1, labels[nearest]), better)

    def take(
        self, distances: NDArray[np.float64], labels: NDArray[np.int64], rows: NDArray[np.intp] | slice = slice(None)
    ) -> None:
        """Take over what was found elsewhere, among other known rows.

        Args:
            distances: [n, any], as the attribute.
            labels: The same, as the attribute.
            rows: For which n of the rows; all.
        """
        distances = np.concatenate([self.distances[rows], distances], axis=1)
        labels = np.concatenate([self.labels[rows], labels], axis=1)
        order = np.lexsort((labels, distances), axis=1)[:, : self.distances.shape[1]]
        self.distances[rows] = np.take_along_axis(distances, order, axis=1)
        self.labels[rows] = np.take_along_axis(labels, order, axis=1)


@dataclass(frozen=True, eq=False)
class Votes:
    """What the nearest known rows say of m others.

    Attributes:
        labels: [m], the label that most of those have that vote; -1 if there are none. Of labels with equally many, the
            one that has the nearest row, and of those that are equally near the smaller.
        votes: [m], how many of the nearest have it, of those too that did not vote.
        distances: [m], how far the nearest one is; infinite if there is none.
    """

    labels: NDArray[np.int64]
    votes: NDArray[np.int64]
    distances: NDArray[np.float64]

    @classmethod
    def of(cls, nearest: Nearest, voters: int = VOTERS) -> Votes:
        """Count.

        Args:
            nearest: What is near.
            voters: How many of them vote.
        """
        labels = nearest.labels
        same = labels[:, :, None] == labels[:, None, :]
        counts = same[:, :voters, :voters].sum(axis=2) * (labels[:, :voters] >= 0)
        winner = counts.argmax(axis=1)[:, None]  # the first of equals, which is the nearest
        chosen = np.take_along_axis(labels, winner, axis=1)
        return cls(chosen[:, 0], ((labels == chosen) & (chosen >= 0)).sum(axis=1), nearest.distances[:, 0])


def best_voters(nearest: Nearest, labels: NDArray[np.int64]) -> int:
    """How many of the nearest should vote: with how many most known rows get their own label from the others.

    Choosing k by what is left out is the usual way (Hastie, Tibshirani, Friedman, "The Elements of Statistical
    Learning", 2009, section 13.3). Pictures of one thing from many sides have their like next to them, and one voter is
    best; where labels are unreliable, more are.

    Args:
        nearest: What is nearest to some known rows, apart from themselves and copies.
        labels: The labels of these rows.

    Returns:
        5, 3 or 1; the most of those that are equally good.
    """
    return max(_ELECTORATES, key=lambda voters: int((Votes.of(nearest, voters).labels == labels).sum()))


def limit_of(distances: NDArray[np.float64]) -> float:
    """The distance beyond which a picture looks like nothing known.

    Args:
        distances: Of known pictures, each to the nearest other one that is no copy of it.

    Returns:
        The distance that `ACCEPTED` of them do not exceed; infinite where nothing is known of distances: of fewer than
        two pictures, or copies of one.
    """
    finite = np.sort(distances[np.isfinite(distances)])
    return float(finite[math.ceil(ACCEPTED * len(finite)) - 1]) if len(finite) else math.inf

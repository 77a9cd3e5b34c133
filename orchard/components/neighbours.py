"""How good the features are, without training anything: whether the nearest picture of one split has the same label.

Distances are Euclidean. Projections are not centred (see `solve.project`), which adds the same vector to every row and
so changes no distance.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_BLOCK_NUMBERS = 24_000_000
"""Numbers in the largest temporary array: 96 MB of float32."""


@dataclass(frozen=True)
class LabelAccuracy:
    """How often the nearest neighbour of one label's pictures has that label."""

    label: str
    correct: int
    total: int

    @property
    def accuracy(self) -> float:
        """The share of correct ones, 0 to 1."""
        return self.correct / self.total


@dataclass(frozen=True)
class Confusion:
    """Pictures of one label whose nearest neighbour has another."""

    label: str
    predicted: str
    count: int


@dataclass(frozen=True)
class NeighbourAccuracy:
    """How often the nearest neighbour has the right label.

    Attributes:
        correct: The number of test rows whose nearest training row has their label.
        total: The number of test rows.
        per_label: By label, sorted; only labels that occur among the test rows.
        confusions: Every pair of labels that was confused, the most frequent first, then by label.
    """

    correct: int
    total: int
    per_label: tuple[LabelAccuracy, ...]
    confusions: tuple[Confusion, ...]

    @property
    def accuracy(self) -> float:
        """The share of correct ones, 0 to 1."""
        return self.correct / self.total

    @classmethod
    def of(cls, pairs: Mapping[tuple[str, str], int]) -> NeighbourAccuracy:
        """Count.

        Args:
            pairs: Label, and label of the nearest neighbour → number of rows.
        """
        total: Counter[str] = Counter()
        for (label, _), count in pairs.items():
            total[label] += count
        right = {label: pairs.get((label, label), 0) for label in total}
        confused = sorted((-count, *pair) for pair, count in pairs.items() if pair[0] != pair[1])
        return cls(
            correct=sum(right.values()),
            total=total.total(),
            per_label=tuple(LabelAccuracy(label, right[label], count) for label, count in sorted(total.items())),
            confusions=tuple(Confusion(label, predicted, -count) for count, label, predicted in confused),
        )


def nearest_known(train: NDArray[Any], train_labels: Sequence[str], test: NDArray[Any]) -> NDArray[np.intp]:
    """Find the training row nearest to each test row.

    Distances are computed in float32 by matrix products over blocks of test rows: beside a float32 copy of `train`, no
    more than some 200 MB are taken. Of training rows that are equally near, the one whose label sorts first counts, so
    that the order of the training rows is of no consequence.

    Args:
        train: [n, k], n at least 1.
        train_labels: n labels.
        test: [m, k], m at least 1.

    Returns:
        [m], their indices.

    Raises:
        ValueError: There are no rows, or shapes and numbers of labels do not match.
    """
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1]:
        raise ValueError(f"rows of shape {train.shape} and {test.shape} cannot be compared")
    if not len(train) or not len(test):
        raise ValueError("there are no rows to compare")
    if len(train) != len(train_labels):
        raise ValueError("there must be one label a row")
    by_label = np.array(sorted(range(len(train)), key=lambda i: train_labels[i]), dtype=np.intp)
    centre = train.mean(axis=0, dtype=np.float64)
    width = train.shape[1]
    known = np.empty(train.shape, dtype=np.float32)
    for rows in _blocks(len(train), width * 2):
        known[rows] = train[by_label[rows]] - centre
    # |t - s|² = |t|² - 2 t·s + |s|², and |t|² is the same for all s. Around the common centre the terms are no larger
    # than the distances call for, so float32 has digits to spare.
    squares = np.einsum("ij,ij->i", known, known) / np.float32(2)
    found = np.empty(len(test), dtype=np.intp)
    for rows in _blocks(len(test), max(len(train), width * 2)):
        scores = (centre - test[rows]).astype(np.float32) @ known.T
        scores += squares
        found[rows] = by_label[np.argmin(scores, axis=1)]
    return found


def count_right(
    test_labels: Sequence[str], nearest_rows: NDArray[np.intp], train_labels: Sequence[str]
) -> NeighbourAccuracy:
    """Compare the labels of test rows with those of the training rows nearest to them.

    Args:
        test_labels: m labels.
        nearest_rows: [m], as `nearest_known` gives them.
        train_labels: n labels.
    """
    truth = np.asarray(test_labels, dtype=object)
    nearest = np.asarray(train_labels, dtype=object)[nearest_rows]
    return NeighbourAccuracy.of(Counter(zip(truth, nearest, strict=True)))


def nearest_rows(rows: NDArray[Any], of: Sequence[int], count: int) -> NDArray[np.intp]:
    """Find the rows nearest to some of them.

    Args:
        rows: [n, k].
        of: The indices of the m rows whose neighbours are wanted.
        count: How many neighbours each gets at most.

    Returns:
        [m, min(count, n - 1)]: indices, the nearest first; of equally near rows the earlier one. No row is its own
        neighbour.
    """
    chosen = np.asarray(of, dtype=np.intp)
    centre = rows.mean(axis=0, dtype=np.float64)
    wanted = (rows[chosen] - centre).astype(np.float32)
    scores = np.empty((len(chosen), len(rows)), dtype=np.float32)
    for block in _blocks(len(rows), rows.shape[1] * 2):
        known = (rows[block] - centre).astype(np.float32)
        scores[:, block] = np.einsum("ij,ij->i", known, known) - 2 * wanted @ known.T
    scores[np.arange(len(chosen)), chosen] = np.inf
    return np.argsort(scores, axis=1, kind="stable")[:, : min(count, len(rows) - 1)]


def _blocks(count: int, numbers_a_row: int) -> list[slice]:
    step = max(1, _BLOCK_NUMBERS // numbers_a_row)
    return [slice(start, start + step) for start in range(0, count, step)]

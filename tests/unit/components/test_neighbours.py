"""Nearest neighbours: the same as by brute force, whatever the block size and the order of the rows."""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchard.components.neighbours import (
    Confusion,
    NeighbourAccuracy,
    count_right,
    nearest_known,
    nearest_rows,
)


def recognised(
    train: NDArray[Any], train_labels: Sequence[str], test: NDArray[Any], test_labels: Sequence[str]
) -> NeighbourAccuracy:
    return count_right(test_labels, nearest_known(train, train_labels, test), train_labels)


def test_counts_correct_ones_by_label_and_lists_the_worst_pairs_first() -> None:
    train = np.array([[0.0], [10.0], [20.0]])
    found = recognised(
        train,
        ["apple", "pear", "plum"],
        np.array([[1.0], [9], [11], [12], [21], [2]]),
        ["apple", "apple", "plum", "plum", "plum", "pear"],
    )
    assert (found.correct, found.total) == (2, 6)
    assert found.accuracy == pytest.approx(1 / 3)
    assert [(entry.label, entry.correct, entry.total) for entry in found.per_label] == [
        ("apple", 1, 2),
        ("pear", 0, 1),
        ("plum", 1, 3),
    ]
    assert found.confusions == (
        Confusion("plum", "pear", 2),
        Confusion("apple", "pear", 1),
        Confusion("pear", "apple", 1),
    )
    assert found.per_label[2].accuracy == pytest.approx(1 / 3)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 40),
    m=st.integers(1, 40),
    k=st.integers(1, 5),
    block=st.sampled_from([1, 64, 10**6]),
)
def test_agrees_with_brute_force_for_any_block_size(seed: int, n: int, m: int, k: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=(n, k)), rng.normal(size=(m, k))
    labels = [f"c{i}" for i in range(n)]
    truth = [labels[i] for i in ((test[:, None] - train[None]) ** 2).sum(-1).argmin(axis=1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchard.components.neighbours._BLOCK_NUMBERS", block)
        assert recognised(train, labels, test, truth).accuracy == 1


def test_distances_are_never_in_memory_all_at_once() -> None:
    """Of 20,000 rows to 5,000 they take 400 MB; NumPy tells tracemalloc of its arrays."""
    rng = np.random.default_rng(0)
    train, test = (rng.normal(size=(n, 2)).astype(np.float32) for n in (20_000, 5_000))
    labels = ["a"] * len(train)
    tracemalloc.start()
    try:
        recognised(train, labels, test, labels[: len(test)])
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken < 200e6


def test_a_common_offset_changes_nothing_even_in_float32() -> None:
    rng = np.random.default_rng(7)
    train, test = rng.normal(size=(300, 8)), rng.normal(size=(100, 8))
    labels = [f"c{i}" for i in range(300)]
    nearest = [labels[i] for i in ((test[:, None] - train[None]) ** 2).sum(-1).argmin(axis=1)]
    assert recognised(train + 5e4, labels, test + 5e4, nearest).accuracy == 1


def test_of_equally_near_rows_the_label_that_sorts_first_counts() -> None:
    test = np.zeros((1, 2))
    for train, labels in (([[1, 0], [0, 1], [-1, 0]], ["c", "a", "b"]), ([[0, 1], [-1, 0], [1, 0]], ["a", "b", "c"])):
        found = recognised(
            np.array(train, dtype=float) - np.mean(train, axis=0), labels, test - np.mean(train, axis=0), ["a"]
        )
        assert found.correct == 1


def test_a_label_that_was_never_seen_in_training_counts_as_wrong() -> None:
    found = recognised(np.ones((1, 2)), ["apple"], np.ones((2, 2)), ["fig", "apple"])
    assert (found.correct, found.total) == (1, 2)


@pytest.mark.parametrize(
    ("n", "m", "k", "labels"),
    [(0, 1, 2, 0), (1, 0, 2, 1), (2, 1, 3, 2), (2, 1, 2, 1)],
    ids=["no train", "no test", "width", "labels"],
)
def test_what_cannot_be_compared_is_refused(n: int, m: int, k: int, labels: int) -> None:
    with pytest.raises(ValueError, match="row"):
        nearest_known(np.ones((n, 2)), ["a"] * labels, np.ones((m, k)))


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 30),
    k=st.integers(1, 5),
    count=st.integers(0, 40),
    block=st.integers(1, 200),
)
def test_the_nearest_rows_are_those_of_brute_force_without_the_row_itself(
    seed: int, n: int, k: int, count: int, block: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, k)) + 100
    of = rng.integers(0, n, size=4).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchard.components.neighbours._BLOCK_NUMBERS", block)
        found = nearest_rows(rows, of, count)
    assert found.shape == (4, min(count, n - 1))
    for row, nearest in zip(of, found.tolist(), strict=True):
        others = [other for other in range(n) if other != row]
        ordered = sorted(others, key=lambda other: float(((rows[other] - rows[row]) ** 2).sum()))
        assert nearest == ordered[:count]


def test_of_equally_near_rows_the_earlier_ones_come_first() -> None:
    rows = np.array([[0.0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]])
    assert nearest_rows(rows, [0], 3).tolist() == [[1, 2, 3]]

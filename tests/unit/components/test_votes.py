"""Votes of the nearest known rows: the same as by brute force, however the known ones come."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.components.votes import ACCEPTED, Nearest, Votes, best_voters, limit_of


def _nearest(rows: list[list[float]], known: list[list[float]], labels: list[int], count: int = 5) -> Nearest:
    nearest = Nearest(np.array(rows), count)
    nearest.add(np.array(known), np.array(labels))
    return nearest


@given(
    seed=st.integers(0, 10**6),
    m=st.integers(0, 12),
    n=st.integers(1, 40),
    d=st.integers(1, 6),
    count=st.integers(1, 6),
    block=st.integers(1, 40),
    offset=st.sampled_from([0.0, 1e5]),
)
def test_the_nearest_are_those_of_brute_force_in_whatever_blocks(
    seed: int, m: int, n: int, d: int, count: int, block: int, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    rows, known = rng.normal(size=(m, d)) + offset, rng.normal(size=(n, d)) + offset
    nearest, elsewhere = Nearest(rows, count), Nearest(rows, count)
    for start in range(0, n, block):
        one = nearest if start % 2 else elsewhere
        one.add(known[start : start + block], np.arange(n)[start : start + block])
    nearest.take(elsewhere.distances, elsewhere.labels)
    distances = np.linalg.norm(rows[:, None] - known[None], axis=2)
    order = np.argsort(distances, axis=1)[:, :count]
    padding = ((0, 0), (0, count - order.shape[1]))
    assert nearest.labels.tolist() == np.pad(order, padding, constant_values=-1).tolist()
    expected = np.pad(np.take_along_axis(distances, order, axis=1), padding, constant_values=np.inf)
    np.testing.assert_allclose(nearest.distances, expected, rtol=1e-6)


def test_a_copy_is_at_no_distance_at_all_even_far_from_the_origin() -> None:
    rng = np.random.default_rng(3)
    known = rng.normal(size=(50, 20)) + 1e4
    nearest = Nearest(known[7:8], 2)
    nearest.add(known, np.arange(50))
    assert nearest.labels[0, 0] == 7
    assert nearest.distances[0, 0] == 0 < nearest.distances[0, 1]


def test_copies_do_not_count_where_they_are_not_to() -> None:
    known = np.array([[10.0, 0], [10.00001, 0], [10, 3], [10, -4]])
    nearest = Nearest(known[:1], 3, copies=False)
    nearest.add(known, np.arange(4))
    assert nearest.labels.tolist() == [[2, 3, -1]]
    assert nearest.distances.tolist() == [[3, 4, np.inf]]


@pytest.mark.parametrize(
    ("known", "label", "votes", "distance"),
    [
        ([(1.0, 0), (2, 1), (3, 1)], 1, 2, 1.0),
        ([(1.0, 1), (2, 0), (3, 0), (4, 1), (5, 2)], 1, 2, 1.0),
        ([(1.0, 2), (1, 1), (1, 0)], 0, 1, 1.0),
        ([(1.0, 2), (2, 1), (3, 1), (4, 2), (5, 0), (6, 0), (7, 0)], 2, 2, 1.0),
        ([(4.0, 3)], 3, 1, 4.0),
    ],
    ids=["most", "of equals the nearest", "of equally near the smaller", "only five vote", "a single one"],
)
def test_the_label_that_most_have_is_predicted(
    known: list[tuple[float, int]], label: int, votes: int, distance: float
) -> None:
    for order in (known, known[::-1]):
        found = Votes.of(_nearest([[0.0]], [[at] for at, _ in order], [label for _, label in order]))
        assert (found.labels.tolist(), found.votes.tolist(), found.distances.tolist()) == ([label], [votes], [distance])


def test_fewer_may_vote_than_say_how_sure_the_label_is() -> None:
    nearest = _nearest([[0.0]], [[1], [2], [3], [4], [5]], [7, 8, 8, 7, 9])
    assert [(int(v.labels[0]), int(v.votes[0])) for v in (Votes.of(nearest, voters) for voters in (1, 3, 5))] == [
        (7, 2),
        (8, 2),
        (7, 2),
    ]


@pytest.mark.parametrize(
    ("labels", "voters"),
    [([0, 1, 1, 1, 1], 1), ([1, 0, 0, 1, 1], 3), ([1, 0, 1, 0, 0], 5), ([0, 0, 1, 1, 1], 3), ([0, 0, 0, 1, 1], 5)],
    ids=["only the nearest", "two of three", "three of five", "the most of equals", "all are right"],
)
def test_as_many_vote_as_are_right_most_often_about_what_is_known(labels: list[int], voters: int) -> None:
    nearest = _nearest([[0.0]], [[1], [2], [3], [4], [5]], labels)
    assert best_voters(nearest, np.array([0])) == voters


def test_without_known_rows_nobody_votes() -> None:
    found = Votes.of(Nearest(np.zeros((2, 3))))
    assert (found.labels.tolist(), found.votes.tolist(), found.distances.tolist()) == ([-1, -1], [0, 0], [np.inf] * 2)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_so_many_of_the_known_are_within_the_limit_and_no_smaller_one_would_do(distances: list[float]) -> None:
    limit = limit_of(np.array([*distances, np.inf]))
    assert sum(one <= limit for one in distances) >= ACCEPTED * len(distances)
    assert limit in distances
    assert sum(one < limit for one in distances) < ACCEPTED * len(distances)


def test_without_distances_everything_may_be_known() -> None:
    assert limit_of(np.array([np.inf])) == np.inf


def test_known_rows_that_come_in_blocks_are_never_in_memory_together() -> None:
    """4,000 rows of 64 numbers against 100,000: all distances would take 3.2 GB, and the known rows 51 MB."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4_000, 64))
    tracemalloc.start()
    try:
        nearest = Nearest(rows)
        for _ in range(4):
            nearest.add(rng.normal(size=(512, 64)), np.zeros(512, dtype=np.int64))
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken < 60e6

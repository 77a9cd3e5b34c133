"""The nearest of rows that are kept as float32: those of brute force, in float64, whatever the blocks."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.components.search import half_squares, nearest


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 60),
    m=st.integers(0, 8),
    d=st.integers(1, 6),
    count=st.integers(1, 70),
    block=st.sampled_from([1, 20, 10**6]),
    together=st.sampled_from([1, 3, 100]),
    scale=st.sampled_from([1e-3, 1, 1e4]),
)
def test_they_are_those_of_brute_force(
    seed: int, n: int, m: int, d: int, count: int, block: int, together: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = (scale * rng.normal(size=(n, d)).round(1)).astype(np.float32)  # some of them equally near
    wanted = scale * rng.normal(size=(m, d)).round(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchard.components.search._BLOCK_NUMBERS", block)
        patch.setattr("orchard.components.search._TOGETHER", together)
        found = list(nearest(rows, half_squares(rows), wanted, count))
    assert len(found) == m
    for one, (numbers, distances) in zip(wanted, found, strict=True):
        every = np.linalg.norm(rows.astype(np.float64) - one, axis=1)
        order = np.lexsort((np.arange(n), every))[:count]
        np.testing.assert_allclose(distances, every[order], rtol=1e-9, atol=1e-12 * scale)
        np.testing.assert_allclose(every[numbers], every[order], rtol=1e-9, atol=1e-12 * scale)
        assert len(set(numbers.tolist())) == min(count, n)


def test_rows_that_float32_cannot_tell_apart_are_told_apart() -> None:
    """|w - r|² is 1e6 there, of which float32 has seven digits: the nearest of 3,000 is a thousandth nearer."""
    rng = np.random.default_rng(5)
    wanted = np.full((1, 64), 100.0)
    rows = (rng.normal(size=(3000, 64)) * 1e-4).astype(np.float32)
    [(numbers, _)] = nearest(rows, half_squares(rows), wanted, 7)
    every = np.linalg.norm(rows.astype(np.float64) - wanted, axis=1)
    assert numbers.tolist() == np.argsort(every)[:7].tolist()


def test_of_copies_the_first_count() -> None:
    rows = np.ones((40, 3), np.float32)
    [(numbers, distances)] = nearest(rows, half_squares(rows), np.ones((1, 3)), 4)
    assert (numbers.tolist(), distances.tolist()) == ([0, 1, 2, 3], [0] * 4)


def test_a_block_of_the_rows_is_in_memory_and_no_more() -> None:
    """All scores of 200 to 100,000 would take 80 MB; NumPy tells tracemalloc of its arrays."""
    rng = np.random.default_rng(0)
    rows, wanted = rng.normal(size=(100_000, 16)).astype(np.float32), rng.normal(size=(200, 16))
    halves = half_squares(rows)
    tracemalloc.start()
    try:
        found = list(nearest(rows, halves, wanted, 5))
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 200
    assert taken < 60e6

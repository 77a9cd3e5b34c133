"""Moments: any grouping of the rows gives the same covariance."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchard.components import moments
from orchard.components.moments import Moments, accumulate


def rows_of(seed: int, n: int, d: int, offset: float = 0.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * rng.uniform(0.1, 3, size=d) + offset


def scatter_of(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.cov(rows.astype(np.longdouble).astype(float), rowvar=False, ddof=0).reshape(rows.shape[1], -1) * len(rows)


def same(a: Moments, b: Moments) -> None:
    assert a.count == b.count
    np.testing.assert_allclose(a.mean, b.mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(a.scatter, b.scatter, rtol=1e-10, atol=1e-10)


def test_moments_are_count_mean_and_scatter() -> None:
    rows = rows_of(1, 50, 6)
    found = Moments.of(rows)
    assert found.count == 50
    np.testing.assert_allclose(found.mean, rows.mean(axis=0))
    np.testing.assert_allclose(found.scatter, scatter_of(rows))


def test_float32_rows_are_summed_in_float64() -> None:
    rows = rows_of(2, 9000, 3).astype(np.float32)
    found = Moments.of(rows)
    assert found.scatter.dtype == np.float64
    np.testing.assert_allclose(found.scatter, scatter_of(rows.astype(np.float64)), rtol=1e-12)


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 60),
    d=st.integers(1, 7),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    offset=st.sampled_from([0.0, -3.0, 1e4]),
)
def test_any_partition_of_the_rows_adds_up_to_the_same(
    seed: int, n: int, d: int, cuts: list[int], offset: float
) -> None:
    rows = rows_of(seed, n, d, offset)
    edges = [0, *sorted(min(cut, n) for cut in cuts), n]
    parts = [Moments.of(rows[a:b]) for a, b in pairwise(edges)]  # some of them empty
    total = Moments.of(rows[:0])
    for part in parts:
        total = total + part
    np.testing.assert_allclose(total.mean, rows.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(total.scatter, Moments.of(rows).scatter, rtol=1e-7, atol=1e-7)
    assert total.count == n


@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_blocks_of_any_height_accumulate_to_the_same(seed: int, sizes: list[int]) -> None:
    rows = rows_of(seed, sum(sizes), 4)
    blocks = np.split(rows, np.cumsum(sizes)[:-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "_BLOCK_ROWS", 16)
        found = accumulate(iter(blocks))
    if not rows.shape[0]:
        assert found is None
    else:
        assert found is not None
        same(found, Moments.of(rows))


def test_a_partition_without_rows_gives_nothing() -> None:
    assert accumulate([]) is None
    assert accumulate([np.empty((0, 5))]) is None


def test_addition_has_an_identity_and_commutes() -> None:
    a, b = Moments.of(rows_of(3, 20, 4)), Moments.of(rows_of(4, 7, 4, offset=5))
    none = Moments.of(np.empty((0, 4), dtype=np.float32))
    same(a + none, a)
    same(none + a, a)
    same(a + b, b + a)
    assert (none + none).count == 0


def test_a_large_offset_costs_no_digits() -> None:
    # The plain Gram matrix minus n·mean·meanᵀ is off by more than 100 % here; what is left below is the rounding of
    # the means themselves, 1e-7 at an offset of 1e9.
    centred = rows_of(5, 3000, 5)
    shifted = centred + 1e9
    exact = scatter_of(shifted - 1e9)
    parts = [Moments.of(part) for part in np.array_split(shifted, 7)]
    total = sum(parts[1:], parts[0])
    np.testing.assert_allclose(total.scatter, exact, atol=1e-8 * exact.max())
    plain = shifted.T @ shifted - len(shifted) * np.outer(shifted.mean(axis=0), shifted.mean(axis=0))
    assert np.abs(plain - exact).max() > np.abs(exact).max()


def test_the_scatter_is_exactly_symmetric() -> None:
    total = Moments.of(rows_of(6, 500, 9, 3.3)) + Moments.of(rows_of(7, 100, 9, -1.1))
    np.testing.assert_allclose(total.scatter, total.scatter.T, rtol=1e-14)


def test_the_rows_given_are_left_as_they_were() -> None:
    rows = rows_of(8, moments._BLOCK_ROWS, 3)
    before = rows.copy()
    Moments.of(rows)
    np.testing.assert_array_equal(rows, before)


def test_bytes_hold_everything_in_half_the_square() -> None:
    original = Moments.of(rows_of(9, 40, 30, 2.0))
    content = original.to_bytes()
    copy = Moments.from_bytes(content)
    assert copy.count == original.count
    np.testing.assert_array_equal(copy.mean, original.mean)
    np.testing.assert_array_equal(np.triu(copy.scatter), np.triu(original.scatter))
    np.testing.assert_array_equal(copy.scatter, copy.scatter.T)
    assert len(content) < 8 * (30 * 31 / 2 + 30) + 32


@pytest.mark.parametrize("content", [b"", b"nonsense that is long enough", Moments.of(np.ones((2, 3))).to_bytes()[:-1]])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not moments"):
        Moments.from_bytes(content)


def test_rows_of_different_width_are_refused() -> None:
    with pytest.raises(ValueError, match="columns"):
        Moments.of(np.ones((2, 3))) + Moments.of(np.ones((2, 4)))
    with pytest.raises(ValueError, match="columns"):
        accumulate([np.ones((2, 3)), np.ones((2, 4))])
    with pytest.raises(ValueError, match="two dimensions"):
        accumulate([np.ones(3)])

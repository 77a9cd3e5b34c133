"""Principal components: equal to scikit-learn's, with a rule for signs and for how many are kept."""

import csv
import io

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from orchard.components.moments import Moments
from orchard.components.solve import (
    SHARE_TOLERANCE,
    ComponentsError,
    FeaturesNotFiniteError,
    NoVarianceError,
    PrincipalComponents,
    VarianceUnreachableError,
    explained_variance_csv,
    project,
    solve,
)
from orchard.errors import OrchardError


def data(seed: int, n: int = 80, d: int = 6) -> NDArray[np.float64]:
    """Rows whose spectrum falls by a clear factor, so that components are well defined."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    raw = rng.normal(size=(n, d))
    raw -= raw.mean(axis=0)
    white, _ = np.linalg.qr(raw)
    return np.asarray((white * 0.6 ** np.arange(d)) @ turn * 10)


shapes = st.tuples(st.integers(0, 10**6), st.integers(8, 60), st.integers(1, 7))


@pytest.mark.parametrize(("n", "d"), [(200, 12), (9000, 30), (20, 40)])
def test_equals_scikit_learn(n: int, d: int) -> None:
    rng = np.random.default_rng(n)
    rows = (rng.normal(size=(n, d)) * np.linspace(5, 0.5, d) + 20).astype(np.float32)
    k = min(n - 1, d) // 2
    ours = solve(Moments.of(rows), components=k)
    theirs = PCA(n_components=k, svd_solver="full").fit(rows.astype(np.float64))
    np.testing.assert_allclose(ours.explained_variance, theirs.explained_variance_ratio_, atol=1e-9)
    cosines = np.abs(np.sum(ours.components * theirs.components_.T, axis=0))
    np.testing.assert_allclose(cosines, 1, atol=1e-9)
    distances = np.abs(project(rows, ours)) - np.abs(rows.astype(np.float64) @ theirs.components_.T)
    np.testing.assert_allclose(distances, 0, atol=1e-6)


@given(shapes)
def test_components_are_orthonormal_falling_and_signed(shape: tuple[int, int, int]) -> None:
    rows = data(*shape)
    d = rows.shape[1]
    pcs = solve(Moments.of(rows), components=d)
    np.testing.assert_allclose(pcs.components.T @ pcs.components, np.eye(d), atol=1e-12)
    assert (np.diff(pcs.explained_variance) <= 0).all()
    assert (pcs.explained_variance >= 0).all()
    assert pcs.cumulative <= 1 + 1e-12
    largest = np.argmax(np.abs(pcs.components), axis=0)
    assert (pcs.components[largest, np.arange(d)] > 0).all()


@given(shapes, st.sampled_from([-1e3, 0.5, 1e4]))
def test_an_offset_changes_nothing(shape: tuple[int, int, int], offset: float) -> None:
    rows = data(*shape)
    a, b = (solve(Moments.of(r), components=rows.shape[1]) for r in (rows, rows + offset))
    np.testing.assert_allclose(a.spectrum, b.spectrum, atol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(a.components * b.components, axis=0)), 1, atol=1e-9)


@given(shapes)
def test_a_rotation_of_the_rows_rotates_the_components(shape: tuple[int, int, int]) -> None:
    rows = data(*shape)
    d = rows.shape[1]
    turn, _ = np.linalg.qr(np.random.default_rng(99).normal(size=(d, d)))
    a, b = (solve(Moments.of(r), components=d) for r in (rows, rows @ turn))
    np.testing.assert_allclose(a.spectrum, b.spectrum, atol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum((turn.T @ a.components) * b.components, axis=0)), 1, atol=1e-9)


@given(shapes, st.integers(1, 9))
def test_the_grouping_of_the_rows_changes_nothing(shape: tuple[int, int, int], parts: int) -> None:
    rows = data(*shape)
    k = rows.shape[1]
    total = Moments.of(rows[:0])
    for part in np.array_split(rows[::-1], parts):
        total = total + Moments.of(part)
    whole, summed = solve(Moments.of(rows), components=k), solve(total, components=k)
    np.testing.assert_allclose(whole.components, summed.components, atol=1e-8)
    np.testing.assert_allclose(project(rows, whole), project(rows, summed), atol=1e-8)


def test_on_a_tie_the_first_coefficient_is_positive() -> None:
    for rows in ([[1, -1], [-1, 1]], [[-1, 1], [1, -1], [0, 0]], [[0.1, -0.1], [-0.3, 0.3], [7, -7]]):
        first = solve(Moments.of(np.array(rows, dtype=float)), components=1).components[:, 0]
        np.testing.assert_allclose(first, [np.sqrt(0.5), -np.sqrt(0.5)])


@given(st.integers(0, 10**6), st.integers(2, 6))
def test_rounding_does_not_decide_a_tie(seed: int, d: int) -> None:
    """Numbers on the line of (1, -1, 1, …) have all coefficients equal but for the last digits."""
    line = np.resize([1.0, -1.0], d)
    rows = np.outer(np.random.default_rng(seed).normal(size=20), line)
    first = solve(Moments.of(rows), components=1).components[:, 0]
    np.testing.assert_allclose(first, line / np.sqrt(d))


def shares(*parts: float) -> Moments:
    """Moments whose components explain exactly these shares."""
    return Moments(100, np.zeros(len(parts)), np.diag(np.array(parts)) * 50)


@pytest.mark.parametrize(
    ("variance", "kept"),
    [(1e-12, 1), (0.3, 1), (0.5, 1), (0.500001, 2), (0.75, 2), (0.8, 3), (0.875, 3), (0.9, 4), (1.0, 4)],
)
def test_the_fewest_that_reach_the_variance_are_kept(variance: float, kept: int) -> None:
    pcs = solve(shares(0.5, 0.25, 0.125, 0.125), variance=variance)
    assert (pcs.kept, pcs.wanted, pcs.shortfall) == (kept, None, "")
    assert pcs.cumulative >= variance - SHARE_TOLERANCE


@given(shapes, st.floats(0.01, 1.0))
def test_one_component_less_would_not_reach_the_variance(shape: tuple[int, int, int], variance: float) -> None:
    pcs = solve(Moments.of(data(*shape)), variance=variance)
    assert pcs.cumulative >= variance - 2 * SHARE_TOLERANCE
    assert pcs.explained_variance[:-1].sum() < variance


def test_all_of_the_variance_is_reached_without_the_directions_that_are_only_rounding() -> None:
    rows = data(3, 40, 4) @ np.random.default_rng(3).normal(size=(4, 10))  # rank 4 in 10 dimensions
    pcs = solve(Moments.of(rows), variance=1.0)
    assert pcs.kept == 4
    assert pcs.reachable == pytest.approx(1, abs=1e-12)


def test_shares_are_of_all_components_not_of_the_kept_ones() -> None:
    pcs = solve(shares(0.5, 0.25, 0.125, 0.125), components=2)
    np.testing.assert_allclose(pcs.explained_variance, [0.5, 0.25])
    np.testing.assert_allclose(pcs.spectrum, [0.5, 0.25, 0.125, 0.125])
    assert (pcs.kept, pcs.wanted, pcs.shortfall, pcs.cumulative) == (2, 2, "", 0.75)


WIDE = data(3, 60, 8)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (WIDE[:3], "7 were asked for, but 3 images differ in no more than 2 directions."),
        (np.repeat(WIDE[:3], 500, axis=0), "7 were asked for, but 1,500 images differ in no more than 2 directions."),
        (WIDE[:2], "7 were asked for, but 2 images differ in no more than 1 direction."),
        (WIDE * ([1] * 5 + [0] * 3), "7 were asked for, but 60 images differ in no more than 5 directions."),
        (WIDE[:8], ""),
    ],
    ids=["few images", "few that differ", "two images", "features that are always zero", "just enough"],
)
def test_components_without_variance_are_not_kept_and_a_sentence_says_so(rows: NDArray[np.float64], told: str) -> None:
    pcs = solve(Moments.of(rows + 1000), components=7)
    assert pcs.shortfall == told
    assert pcs.cumulative == pytest.approx(1, abs=1e-9)
    assert (pcs.explained_variance > 1e-9).all()


@pytest.mark.parametrize("variance", [1.01, 0.0, -0.5, float("nan")])
def test_a_variance_out_of_reach_says_what_is_reachable(variance: float) -> None:
    with pytest.raises(VarianceUnreachableError, match="2 components explain 1 together") as caught:
        solve(shares(0.75, 0.25), variance=variance)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("components", [0, -1, 3])
def test_a_number_of_components_out_of_range_is_refused(components: int) -> None:
    with pytest.raises(ComponentsError, match="choose 1 to 2") as caught:
        solve(shares(0.75, 0.25), components=components)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("n", [0, 1, 2, 10_000])
@pytest.mark.parametrize("choice", [{"components": 1}, {"variance": 0.9}])
def test_equal_rows_have_no_components(n: int, choice: dict[str, float]) -> None:
    rows = np.tile(np.array([[0.1, 1e6 + 0.3, -7.7]]), (n, 1))
    total = Moments.of(rows[: n // 3]) + Moments.of(rows[n // 3 :])
    with pytest.raises(NoVarianceError, match=str(n)) as caught:
        solve(total, **choice)  # type: ignore[arg-type]
    assert isinstance(caught.value, OrchardError)
    assert caught.value.exit_code == 2


def test_rows_that_differ_in_a_last_digit_alone_have_no_components_either() -> None:
    rows = np.tile(np.array([[0.1, 1e6 + 0.3, -7.7]]), (9, 1))
    rows[3] = np.nextafter(rows[3], np.inf)
    with pytest.raises(NoVarianceError, match="no two of them differ"):
        solve(Moments.of(rows), components=1)


def test_what_rounding_makes_of_nothing_is_no_share() -> None:
    rows = data(3, 40, 4) @ np.random.default_rng(3).normal(size=(4, 60))  # rank 4 in 60 dimensions
    spectrum = solve(Moments.of(rows), components=1).spectrum
    assert (spectrum >= 0).all()
    assert (np.diff(spectrum) <= 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_numbers_are_refused(bad: float) -> None:
    rows = data(1)
    rows[3, 2] = bad
    with np.errstate(invalid="ignore"):
        total = Moments.of(rows)
    with pytest.raises(FeaturesNotFiniteError):
        solve(total, variance=0.9)


def test_exactly_one_rule_is_given() -> None:
    with pytest.raises(TypeError, match="exactly one"):
        solve(shares(1, 1))
    with pytest.raises(TypeError, match="exactly one"):
        solve(shares(1, 1), components=1, variance=0.5)


def test_projection_is_not_centred_as_in_spark() -> None:
    rows = data(5) + 100
    pcs = solve(Moments.of(rows), components=3)
    projected = project(rows.astype(np.float32), pcs)
    assert projected.dtype == np.float64
    np.testing.assert_allclose(projected, rows @ pcs.components, atol=1e-3)
    np.testing.assert_allclose(projected.mean(axis=0), rows.mean(axis=0) @ pcs.components, atol=1e-3)
    assert np.abs(projected.mean(axis=0)).max() > 1


@given(shapes)
def test_the_csv_reads_back_exactly(shape: tuple[int, int, int]) -> None:
    rows = data(*shape)
    assume(rows.shape[1] > 1)
    pcs: PrincipalComponents = solve(Moments.of(rows), components=rows.shape[1] - 1)
    text = explained_variance_csv(pcs)
    read = list(csv.DictReader(io.StringIO(text)))
    assert text.splitlines()[0] == "component,explained_variance,cumulative"
    assert [int(row["component"]) for row in read] == list(range(1, pcs.kept + 1))
    assert [float(row["explained_variance"]) for row in read] == pcs.explained_variance.tolist()
    assert float(read[-1]["cumulative"]) == pytest.approx(pcs.cumulative, abs=1e-15)

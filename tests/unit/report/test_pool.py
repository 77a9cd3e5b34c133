"""Neighbours in the browser: the page's whole numbers give the distances of the components."""

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchard.report.data import Point, Rejections, ReportData
from orchard.report.pool import MOST_COORDINATES, coordinates, numbered

NOTHING = ReportData({}, [], 0, (), Rejections.of([]), (), None)


def point(path: str, *components: float) -> Point:
    return Point(path, "Test", "fig", components, b"")


def points(values: NDArray[np.float64]) -> tuple[Point, ...]:
    return tuple(point(f"{n}.jpg", *row.tolist()) for n, row in enumerate(values))


def decoded(near: dict[str, Any]) -> NDArray[np.float64]:
    whole = np.frombuffer(base64.b64decode(near["values"]), "<i2").reshape(-1, near["width"])
    return whole.astype(np.float64) * near["step"]


def apart(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(values[:, None] - values[None], axis=-1)


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 20), st.sampled_from([1e-6, 1.0, 3e4]))
def test_a_distance_is_off_by_a_step_times_the_root_of_the_width_at_most(
    seed: int, count: int, width: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    values = scale * (rng.normal(size=(count, width)) / (1 + np.arange(width)) + rng.normal())
    near = coordinates(replace(NOTHING, points=points(values)))
    assert near["width"] == width
    assert np.abs(apart(decoded(near)) - apart(values)).max() <= near["step"] * width**0.5 * (1 + 1e-9)
    if count > 1:
        assert near["step"] == pytest.approx(np.ptp(values, axis=0).max() / 65535)


def test_pictures_beside_the_map_come_after_those_on_it() -> None:
    data = replace(NOTHING, points=(point("b", 0, 4), point("a", 2, 0)), more=(point("c", 1, 2), point("a", 9, 9)))
    assert numbered(data) == {"b": 0, "a": 1, "c": 2}
    assert apart(decoded(coordinates(data)))[0] == pytest.approx([0, 20**0.5, 5**0.5, 106**0.5], rel=1e-3)


def test_only_the_first_components_are_in_the_page() -> None:
    values = np.zeros((2, MOST_COORDINATES + 2))
    values[1, MOST_COORDINATES - 1], values[1, MOST_COORDINATES] = 3, 1000
    near = coordinates(replace(NOTHING, points=points(values)))
    assert near["width"] == MOST_COORDINATES == 128
    assert apart(decoded(near))[0, 1] == pytest.approx(3, rel=1e-4)


@pytest.mark.parametrize("values", [[[1.0, 2.0]] * 3, [[0.0]], [[np.nan, 1.0], [np.inf, 1.0]]])
def test_where_nothing_differs_nothing_is_far(values: list[list[float]]) -> None:
    assert not apart(decoded(coordinates(replace(NOTHING, points=points(np.array(values)))))).any()


def test_without_pictures_there_is_nothing() -> None:
    assert coordinates(NOTHING) == {"width": 0, "step": 0.0, "values": ""}

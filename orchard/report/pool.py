"""All pictures that the page shows, those of the map and others, and where each lies, for neighbours in the browser.

A coordinate is a whole number of steps, 16 bits of it, and the steps of all components are equal: so a distance is the
step times that of the numbers, and is off by no more than the step times the square root of their number.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchard.report.data import Point, ReportData

MOST_COORDINATES = 128
"""How many components neighbours are found by: 256 bytes a picture, 342 in the page."""

_MOST_STEPS = 2**16 - 1


def numbered(data: ReportData) -> dict[str, int]:
    """Path → number of each picture that has components: those of the map first, then the others."""
    numbers: dict[str, int] = {}
    for number, point in enumerate((*data.points, *data.more)):
        numbers.setdefault(point.path, number)
    return numbers


def columns(points: Sequence[Point], labels: Mapping[str, int], splits: Mapping[str, int]) -> dict[str, list[Any]]:
    """What the page's script knows of pictures: labels and splits by number, known pictures by the next."""
    return {
        "path": [point.path for point in points],
        "label": [labels[point.label] for point in points],
        "split": [len(splits) if point.known else splits[point.split] for point in points],
        "picture": [base64.b64encode(point.thumbnail).decode("ascii") for point in points],
    }


def coordinates(data: ReportData) -> dict[str, Any]:
    """Where all numbered pictures lie.

    Returns:
        `width`: how many coordinates each picture has. `step`: the length of one step. `values`: the coordinates of
        one picture after those of another, each from the middle of its component's range: signed numbers of 16 bits,
        the lower eight first, in base 64. What is not finite counts as 0.
    """
    import numpy as np

    rows = [point.components[:MOST_COORDINATES] for point in (*data.points, *data.more)]
    if not rows:
        return {"width": 0, "step": 0.0, "values": ""}
    values = np.nan_to_num(np.array(rows, dtype=np.float64), posinf=0.0, neginf=0.0)
    least, most = values.min(axis=0), values.max(axis=0)
    step = float((most - least).max()) / _MOST_STEPS or 1.0
    steps = np.rint((values - (least + most) / 2) / step)
    whole = np.clip(steps, -(2**15), 2**15 - 1).astype("<i2")
    return {"width": values.shape[1], "step": step, "values": base64.b64encode(whole.tobytes()).decode("ascii")}

"""The pca stage beside Spark ML's PCA, scikit-learn and a bare product of matrices, on drawn features.

All read the same files and keep 50 components. Spark's contenders are on the clock from the moment that their session
is up, the others from the first byte that they read: nobody's start of a JVM or import of a library counts.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.drawn_features import DIMENSIONS, drawn_features
from benchmarks.isolated import MeasurementFailedError, call
from benchmarks.page import Table, compare
from benchmarks.turns import SECONDS, Contender, Result, take_turns

if TYPE_CHECKING:
    from benchmarks.data import Data

OURS = "Orchard"
SPARK_ML = "Spark ML"

_KEPT = 50
_AGREED = 1e-6
_SCRATCH = FOLDER / "pca"


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rows: Of the features.
        rounds: How often.
        rounds_of_spark_ml: How often Spark ML takes part, which takes minutes where the others take seconds.
        with_projection: Whether a second table says how long fit, projection and writing take together.
    """

    rows: int
    rounds: int
    rounds_of_spark_ml: int
    with_projection: bool = False


FULL = (Size(10_000, 3, 1), Size(60_000, 3, 1, with_projection=True), Size(155_000, 2, 1))
QUICK = (Size(4_000, 2, 1, with_projection=True),)


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Measure.

    Args:
        data: Not used: no zip holds so many pictures, so the features are drawn.
        quick: One size instead of three.
    """
    return tables(QUICK if quick else FULL)


def tables(sizes: tuple[Size, ...]) -> list[Table]:
    """One table a size, one of fit and projection where wished, and one of a task's memory."""
    _SCRATCH.mkdir(parents=True, exist_ok=True)
    try:
        idle = call("benchmarks.pca_run:idle_worker")["memory_mb"]
        found, peaks = [], {}
        for size in sizes:
            results = take_turns(_contenders(size), size.rounds)
            _check(results)
            found += _tables(size, results)
            peaks[size.rows] = results[OURS].spread("memory_mb")[1]
        return [*found, _memory(idle, peaks)]
    finally:
        shutil.rmtree(_SCRATCH)


def _contenders(size: Size) -> list[Contender]:
    folder = str(drawn_features(size.rows))
    fit = partial(call, folder=folder, kept=_KEPT)
    in_spark = partial(fit, target=str(_SCRATCH))
    learn = partial(fit, "benchmarks.peers.scikit_learn_pca:measured_fit")
    return [
        Contender(OURS, partial(in_spark, "benchmarks.pca_run:measured_fit")),
        Contender(SPARK_ML, partial(in_spark, "benchmarks.peers.spark_ml_pca:measured_fit"), size.rounds_of_spark_ml),
        Contender("scikit-learn, float64", partial(learn, dtype="float64")),
        Contender("scikit-learn, float32", partial(learn, dtype="float32")),
        Contender("the limit: scan, dsyrk, eigh", partial(fit, "benchmarks.peers.bare_gram:measured_fit")),
    ]


def _check(results: dict[str, Result]) -> None:
    """A contender that computes something else has not taken part.

    Raises:
        MeasurementFailedError: The components of one explain another share of the variance than ours.
    """
    expected = results[OURS].median("explained")
    for result in results.values():
        for found in result.spread("explained"):
            if not math.isclose(found, expected, abs_tol=_AGREED):
                raise MeasurementFailedError(f"{result.name} explains {found} of the variance, {OURS} {expected}")


def _tables(size: Size, results: dict[str, Result]) -> list[Table]:
    more = {
        "scan, product, eigenproblem s": _parts,
        "peak MB": lambda result: f"{result.spread('memory_mb')[1]:,.0f}",
        f"share of {_KEPT} components": lambda result: f"{result.median('explained'):.8f}",
    }
    what = f"{size.rows:,} rows of {DIMENSIONS}"
    found = [compare(f"PCA, {what}", results, OURS, more)]
    if size.with_projection:
        both = {name: _as_seconds(results[name], "projected") for name in (OURS, SPARK_ML)}
        found.append(compare(f"PCA, projection and writing, {what}", both, OURS))
    return found


def _parts(result: Result) -> str:
    if "scan" not in result.rounds[0]:
        return ""
    return ", ".join(f"{result.median(part):.2f}" for part in ("scan", "gram", "eigh"))


def _as_seconds(result: Result, measure: str) -> Result:
    return Result(result.name, tuple({SECONDS: values[measure]} for values in result.rounds))


def _memory(idle: float, peaks: dict[int, float]) -> Table:
    """A worker serves one task at a time: its peak is that of the task that took most."""
    rows = [(f"{rows:,}", f"{idle:.0f}", f"{peak:.0f}", f"{peak - idle:.0f}") for rows, peak in peaks.items()]
    header = ("rows", "idle worker MB", f"worker's peak MB, {OURS}", "of which the task's")
    return Table(f"Memory of a task that adds up rows of {DIMENSIONS}", header, tuple(rows))

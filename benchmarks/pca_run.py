"""What the pca stage does to find the components and to project, without its books and its report."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.process_memory import peak_mb
from benchmarks.session import local_session
from orchard.components.solve import PrincipalComponents, solve
from orchard.jobs.pca import fit_moments, write_components
from orchard.jobs.rows import Piece

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WORKERS = "pyspark.daemon"


def listed(folder: str) -> list[Piece]:
    """The Parquet files of a folder."""
    return [Piece(str(path), path.stat().st_size) for path in Path(folder).glob("*.parquet")]


def fit_components(spark: SparkSession, folder: str, kept: int) -> PrincipalComponents:
    """Fit."""
    return solve(fit_moments(spark, listed(folder)), components=kept)


def measured_fit(folder: str, kept: int, target: str) -> dict[str, float]:
    """Measure; the clock starts when the session is up: starting the Python workers is on it.

    Args:
        folder: The features.
        kept: How many components.
        target: The folder into which the projected rows go.

    Returns:
        `seconds` of the fit and `projected` of fit, projection and writing; `memory_mb`, the peak during the fit of the
        Python worker that took most; and `explained`, the share of the variance.
    """
    with local_session("orchard-pca") as spark:
        began = time.monotonic()
        components = fit_components(spark, folder, kept)
        seconds = time.monotonic() - began
        memory = peak_mb(_WORKERS)
        began = time.monotonic()
        write_components(spark, listed(folder), components, target)
        projected = seconds + time.monotonic() - began
        return {"seconds": seconds, "projected": projected, "memory_mb": memory, "explained": components.cumulative}


def idle_worker() -> dict[str, float]:
    """What a Python worker takes that has loaded all that a task needs, and got no rows.

    Returns:
        `memory_mb`.
    """
    with local_session("orchard-idle") as spark:
        spark.sparkContext.parallelize(["orchard.jobs.pca"], 1).map(_load).collect()
        return {"memory_mb": peak_mb(_WORKERS)}


def _load(module: str) -> str:
    return importlib.import_module(module).__name__

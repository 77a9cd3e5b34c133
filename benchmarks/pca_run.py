"""The pca stage: what it does to find the components and to project; and the whole of it, with books and report."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.drawn_features import draw_stage
from benchmarks.process_memory import own_peak_mb, peak_mb
from benchmarks.session import local_session
from orchard.components.solve import PrincipalComponents, solve
from orchard.jobs.pca import fit_moments, pca, write_components
from orchard.jobs.rows import Piece
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import RunOptions

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


def lay_out(archive: str, run: str) -> dict[str, float]:
    """Unzip an archive, and draw the features of its pictures.

    Args:
        archive: The zip.
        run: The folder of the run.

    Returns:
        `gigabytes` of features.
    """
    files = RunFiles(run)
    with local_session("orchard-lay-out") as spark:
        unzip(spark, archive, files)
        draw_stage(spark, files)
    return {"gigabytes": sum(piece.size for piece in listed(files.features)) / 1e9}


def measured_stage(run: str, kept: int) -> dict[str, float]:
    """Measure the whole stage, with model, tables, report and manifest.

    Args:
        run: The folder of a run whose featurize stage is complete.
        kept: How many components.

    Returns:
        `seconds`, of which those of the `report` and what follows it; the peaks of memory of the driver's two processes
        (`jvm_mb`, `python_mb`) and of the worker that took most (`worker_mb`).
    """
    files = RunFiles(run)
    Path(files.manifest).unlink(missing_ok=True)  # else the stage would find itself complete
    with local_session("orchard-stage") as spark:
        began = time.monotonic()
        record = pca(spark, files, RunOptions(components=kept))
        seconds = time.monotonic() - began
        memory = {"jvm_mb": peak_mb("java"), "python_mb": own_peak_mb(), "worker_mb": peak_mb(_WORKERS)}
        return {"seconds": seconds, "report": seconds - record.seconds, **memory}


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

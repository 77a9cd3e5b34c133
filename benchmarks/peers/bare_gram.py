"""What principal components of features in Parquet cost at least on one machine: a scan, one product, one eigenproblem.

No Spark, no tasks, nothing that could be repeated after a failure: who is near to this has little left to gain.
"""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.scikit_learn_pca import read_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK_ROWS = 4096  # of which the float64 copy stays small; BLAS is at full speed


def scatter(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The centred Gram matrix in float64, [d, d]; the product with the own transpose is BLAS's `dsyrk`, on all cores.

    Args:
        features: [n, d].
    """
    mean = features.mean(axis=0, dtype=np.float64)
    total = np.zeros((features.shape[1], features.shape[1]))
    for first in range(0, len(features), _BLOCK_ROWS):
        block = features[first : first + _BLOCK_ROWS] - mean
        total += block.T @ block
    return total


def fit(folder: str, kept: int) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, float]]:
    """Scan, multiply, solve.

    Args:
        folder: The features.
        kept: How many components.

    Returns:
        The shares of the variance [kept], the directions [d, kept], and the seconds of `scan`, `gram` and `eigh`.
    """
    times = [time.monotonic()]
    features = read_features(folder)
    times.append(time.monotonic())
    total = scatter(features)
    times.append(time.monotonic())
    values, vectors = np.linalg.eigh(total)
    times.append(time.monotonic())
    seconds = dict(zip(("scan", "gram", "eigh"), np.diff(times).tolist(), strict=True))
    return values[::-1][:kept] / values.sum(), vectors[:, ::-1][:, :kept], seconds


def measured_fit(folder: str, kept: int) -> dict[str, float]:
    """Measure `fit`; everything that it does is on the clock.

    Returns:
        `seconds` and its parts `scan`, `gram` and `eigh`; `memory_mb` (the process's peak); and `explained`, the share
        of the variance.
    """
    shares, _, seconds = fit(folder, kept)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": sum(seconds.values()), **seconds, "memory_mb": peak, "explained": float(shares.sum())}

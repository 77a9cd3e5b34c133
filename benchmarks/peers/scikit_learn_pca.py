"""The principal components of features that fit into one machine's memory, by scikit-learn."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
from sklearn.decomposition import PCA

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_features(folder: str) -> NDArray[np.float32]:
    """All feature vectors of a folder of Parquet, [n, d]; pyarrow reads it with a thread a core."""
    column = pq.read_table(folder, columns=["features"]).column("features").combine_chunks()
    return np.asarray(column.flatten()).reshape(len(column), -1)


def fit_pca(folder: str, kept: int, dtype: str) -> PCA:
    """Read and fit, with the solver that is the fastest for many rows of few columns.

    Args:
        folder: The features.
        kept: How many components.
        dtype: What scikit-learn computes in: float32 as they come, or float64 as the others do.
    """
    return PCA(n_components=kept, svd_solver="covariance_eigh").fit(read_features(folder).astype(dtype, copy=False))


def measured_fit(folder: str, kept: int, dtype: str) -> dict[str, float]:
    """Measure `fit_pca`; on the clock are the reading and the fit, on all cores.

    Returns:
        `seconds`, `memory_mb` (the process's peak) and `explained`, the share of the variance.
    """
    began = time.monotonic()
    fitted = fit_pca(folder, kept, dtype)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "memory_mb": peak, "explained": float(fitted.explained_variance_ratio_.sum())}

"""From moments to principal components: one symmetric eigenproblem, and how many components to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from orchard.errors import OrchardError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchard.components.moments import Moments

SHARE_TOLERANCE = 1e-9
"""A cumulative share reaches V when it falls short of it by no more than this. All components together add up to 1 only
up to rounding (about d² · 2⁻⁵² ≈ 4e-10 at 1280 columns), and a share of 1.0 must be reachable nevertheless."""

_TIE_TOLERANCE = 1e-9
"""Coefficients whose magnitudes differ by less, relative to the largest, count as equal when a component's sign is
chosen: otherwise rounding, and so the grouping of the rows, would decide the sign of a component such as (√½, -√½)."""


class ComponentsError(UsageError):
    """The number of components asked for cannot be kept."""


class VarianceUnreachableError(UsageError):
    """The share of the variance asked for is more than all components explain together."""


class NoVarianceError(OrchardError):
    """All feature vectors are equal, or there are fewer than two: nothing varies, so there are no components."""

    exit_code: ClassVar[int] = 2


class FeaturesNotFiniteError(OrchardError):
    """A feature vector holds NaN or an infinity."""


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The directions in which the rows vary most.

    Attributes:
        components: One component a column, [d, k], orthonormal, by falling variance. The coefficient of largest
            magnitude of each is positive (the first one, if several are equally large).
        spectrum: The share of the total variance that each of all d components explains, [d], falling; sums to 1.
        count: The number of rows that they were fitted on.
        wanted: How many were asked for; None if k follows from a share of the variance.
        reachable: The share that all components together explain: 1 up to rounding.
    """

    components: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    count: int
    wanted: int | None
    reachable: float

    @property
    def kept(self) -> int:
        """The number of components that are kept, k."""
        return int(self.components.shape[1])

    @property
    def explained_variance(self) -> NDArray[np.float64]:
        """The share of the total variance, over all components, that each kept component explains, [k]."""
        return self.spectrum[: self.kept]

    @property
    def cumulative(self) -> float:
        """The share of the total variance that the kept components explain together."""
        return float(self.explained_variance.sum())

    @property
    def shortfall(self) -> str:
        """Why fewer are kept than were asked for, as a sentence; empty if they are not fewer."""
        if self.wanted is None or self.wanted == self.kept:
            return ""
        directions = f"{self.kept:,} direction{'' if self.kept == 1 else 's'}"
        return f"{self.wanted:,} were asked for, but {self.count:,} images differ in no more than {directions}."


def solve(moments: Moments, *, components: int | None = None, variance: float | None = None) -> PrincipalComponents:
    """Find the principal components and keep some.

    Args:
        moments: Of all rows; at least two that differ.
        components: Keep this many, 1 to d; fewer if the others carry no variance.
        variance: Keep the fewest whose cumulative share of the variance reaches this, in (0, 1], give or take
            `SHARE_TOLERANCE`. Exactly one of the two is given.

    Raises:
        TypeError: Both or neither of `components` and `variance` are given.
        ComponentsError: The number of components is not within 1 to d.
        VarianceUnreachableError: No number of components explains that much.
        NoVarianceError: The rows do not vary.
        FeaturesNotFiniteError: NaN or an infinity is among the rows.
    """
    if (components is None) == (variance is None):
        raise TypeError("exactly one of components and variance")
    d = moments.dimensions
    if components is not None and not 1 <= components <= d:
        raise ComponentsError(
            f"{components} components cannot be kept", f"the features have {d} dimensions: choose 1 to {d}"
        )
    if not np.isfinite(moments.scatter).all():
        raise FeaturesNotFiniteError("The features hold NaN or an infinity", "principal components need finite numbers")
    values, vectors = np.linalg.eigh(moments.scatter)
    values = np.clip(values[::-1], 0.0, None)
    if moments.count < 2 or not values[0] > _noise(moments):
        rows = f"{moments.count} feature vector{'' if moments.count == 1 else 's'}"
        raise NoVarianceError("There are no components to find", f"{rows}, and no two of them differ")
    spectrum = values / values.sum()
    cumulative = np.cumsum(spectrum)
    reachable = float(cumulative[-1])
    if components is None:
        kept = _fewest(cumulative, reachable, variance)
    else:
        kept = min(components, moments.count - 1, int(np.count_nonzero(values > _rounding(values, moments))))
    return PrincipalComponents(_signed(vectors[:, ::-1][:, :kept]), spectrum, moments.count, components, reachable)


def _noise(moments: Moments) -> float:
    """The scatter that rounding alone leaves in equal rows: one rounding step of the largest mean in each number."""
    step = float(np.abs(moments.mean).max()) * float(np.finfo(np.float64).eps)
    return moments.count * step * step * moments.dimensions


def _rounding(values: NDArray[np.float64], moments: Moments) -> float:
    """What solving may make of a component without any variance: the tolerance of `numpy.linalg.matrix_rank`."""
    return max(float(values[0]) * len(values) * float(np.finfo(np.float64).eps), _noise(moments))


def _fewest(cumulative: NDArray[np.float64], reachable: float, variance: float | None) -> int:
    if variance is None or not 0 < variance <= reachable + SHARE_TOLERANCE:
        raise VarianceUnreachableError(
            f"A share of {variance} of the variance cannot be reached",
            f"{len(cumulative)} components explain {min(reachable, 1.0):.6g} together: choose more than 0, up to that",
        )
    return min(int(np.searchsorted(cumulative, variance - SHARE_TOLERANCE)) + 1, len(cumulative))


def _signed(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    sizes = np.abs(vectors)
    largest = np.argmax(sizes >= sizes.max(axis=0) * (1 - _TIE_TOLERANCE), axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return np.ascontiguousarray(vectors * signs)


def project(rows: NDArray[Any], pcs: PrincipalComponents) -> NDArray[np.float64]:
    """The components of rows: `rows @ pcs.components`, WITHOUT subtracting the mean.

    This is exactly what Spark ML's `PCAModel.transform` does, so that a saved model and a run's own files agree. All
    values differ from centred ones by one constant vector, which neither distances nor variances notice.

    Args:
        rows: [n, d] of float32 or float64.
        pcs: Components of d coefficients.

    Returns:
        [n, k], float64.
    """
    return np.asarray(rows, dtype=np.float64) @ pcs.components


def explained_variance_csv(pcs: PrincipalComponents) -> str:
    """The kept components' shares as CSV text: `component,explained_variance,cumulative`, components counted from 1.

    Numbers are written with as many digits as it takes to read the same float64 back.
    """
    shares = pcs.explained_variance
    lines = ["component,explained_variance,cumulative"]
    lines += [
        f"{i},{float(s)!r},{float(c)!r}" for i, (s, c) in enumerate(zip(shares, np.cumsum(shares), strict=True), 1)
    ]
    return "\n".join(lines) + "\n"

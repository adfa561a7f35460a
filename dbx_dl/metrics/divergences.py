"""How far apart two distributions are, from counts of rows by bin or category.

All take counts (K,) of both, a baseline's and a window's, in the same bins; each needs at least one row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# What a bin counts beside its rows, so that an empty one does not make the index infinite.
_PRIOR = 0.5


def population_stability(baseline: ArrayLike, window: ArrayLike) -> float:
    """The population stability index, the sum over bins of (q - p) ln(q / p) (Siddiqi 2006, "Credit Risk Scorecards").

    It is the symmetric Kullback-Leibler divergence of Jeffreys 1946. Half a row is added to every bin of both.
    """
    p, q = (_share(np.asarray(counts, np.float64) + _PRIOR) for counts in (baseline, window))
    return float(((q - p) * np.log(q / p)).sum())


def expect_stability(num_bins: int, num_baseline: int, num_window: int) -> float:
    """The index that chance alone makes of equal distributions, about (bins - 1) (1/n + 1/m).

    Yurdakul 2018, "Statistical Properties of Population Stability Index": n m / (n + m) times the index is about
    chi-squared with bins - 1 degrees of freedom.
    """
    return (num_bins - 1) * (1 / num_baseline + 1 / num_window)


def jensen_shannon(baseline: ArrayLike, window: ArrayLike) -> float:
    """The Jensen-Shannon divergence to base 2, from 0 to 1 (Lin 1991); its square root is a distance."""
    p, q = (_share(np.asarray(counts, np.float64)) for counts in (baseline, window))
    middle = (p + q) / 2
    return max(0.0, float(_relative_entropy(p, middle) + _relative_entropy(q, middle)) / (2 * math.log(2)))


def expect_jensen_shannon(num_bins: int, num_baseline: int, num_window: int) -> float:
    """The divergence that chance alone makes of equal distributions: to second order an eighth of the stability's."""
    return expect_stability(num_bins, num_baseline, num_window) / (8 * math.log(2))


def kolmogorov_distance(baseline: ArrayLike, window: ArrayLike) -> float:
    """The largest distance of the distribution functions at the bins' edges: at most that of the values themselves."""
    return float(np.abs(_gaps(baseline, window)).max())


def wasserstein(
    baseline: ArrayLike, window: ArrayLike, edges: Sequence[float], minimum: float, maximum: float
) -> float:
    """The Wasserstein-1 distance, in the values' unit: the area between both distribution functions.

    `edges` (K - 1,) rise; between two of them values count as spread evenly. The outer bins reach to `minimum` and
    `maximum` of all values.
    """
    places = np.array([min(minimum, *edges), *edges, max(maximum, *edges)]) if edges else np.array([minimum, maximum])
    gaps = np.array([0.0, *_gaps(baseline, window)])
    gaps[-1] = 0.0
    left, right = gaps[:-1], gaps[1:]
    sizes = np.abs(left) + np.abs(right)
    # Where the gap changes its sign within a bin the area is that of two triangles.
    crossing = np.divide(left**2 + right**2, 2 * sizes, out=np.zeros_like(sizes), where=sizes > 0)
    areas = np.where(left * right < 0, crossing, sizes / 2)
    return float((areas * np.diff(places)).sum())


def _gaps(baseline: ArrayLike, window: ArrayLike) -> NDArray[np.float64]:
    """The window's distribution function less the baseline's behind every bin (K,)."""
    p, q = (_share(np.asarray(counts, np.float64)) for counts in (baseline, window))
    return np.asarray(np.cumsum(q) - np.cumsum(p))


def _share(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(counts / counts.sum())


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    is_there = p > 0
    return float((p[is_there] * np.log(p[is_there] / q[is_there])).sum())

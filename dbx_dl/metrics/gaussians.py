"""How far apart two Gaussians are, and whether their means are the same, from moments of both samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.tails import f_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Axes along which both samples hardly vary say nothing but rounding.
_LEAST_VARIANCE = 1e-10


def frechet_distance(mean: Floats, covariance: Floats, other_mean: Floats, other_covariance: Floats) -> float:
    """The squared Fréchet distance of Gaussians with means (K,) and covariances (K, K).

    Dowson and Landau 1982, "The Fréchet distance between multivariate normal distributions"; of features of images it
    is the FID of Heusel et al. 2017, arXiv:1706.08500.
    """
    root = _square_root(covariance)
    crossed = np.linalg.eigvalsh(root @ other_covariance @ root)
    traces = np.trace(covariance) + np.trace(other_covariance) - 2 * np.sqrt(np.maximum(crossed, 0.0)).sum()
    return max(0.0, float(np.square(mean - other_mean).sum() + traces))


def expect_frechet(covariance: Floats, num_rows: int, num_others: int) -> float:
    """The squared distance that chance alone makes of two samples of one Gaussian, to first order in 1/n + 1/m.

    Of the means the trace. Of the covariances, where E is the error of one and l are eigenvalues, half of the sum over
    i, j of E_ij^2 / (l_i + l_j), with the variance (l_i l_j + [i = j] l_i^2) / n of Wishart's distribution.
    """
    sizes = np.maximum(np.linalg.eigvalsh(covariance), 0.0)
    sums, products = sizes[:, None] + sizes, np.outer(sizes, sizes)
    between = np.divide(products, sums, out=np.zeros_like(sums), where=sums > 0).sum()
    return float((sizes.sum() + (between + sizes.sum() / 2) / 2) * (1 / num_rows + 1 / num_others))


def pool_covariances(covariance: Floats, num_rows: int, other: Floats, num_others: int) -> Floats:
    """The unbiased covariance (K, K) within both samples, of each one's covariance with the divisor n - 1."""
    return ((num_rows - 1) * covariance + (num_others - 1) * other) / (num_rows + num_others - 2)


def equal_means_p_value(
    mean: Floats, num_rows: int, other_mean: Floats, num_others: int, pooled_covariance: Floats
) -> float | None:
    """Hotelling's two-sample test (1931) that both means (K,) are the same; None where rows are too few for K axes.

    Exact for Gaussians of one covariance, and near it for others where rows are many. Axes without variance are left
    out.
    """
    sizes, axes = np.linalg.eigh(pooled_covariance)
    is_known = sizes > _LEAST_VARIANCE * max(float(sizes.max(initial=0.0)), math.ulp(0.0))
    num_axes, degrees = int(is_known.sum()), num_rows + num_others - int(is_known.sum()) - 1
    if not num_axes or degrees < 1:
        return None
    along = axes[:, is_known].T @ (mean - other_mean)
    statistic = float((along**2 / sizes[is_known]).sum()) * num_rows * num_others / (num_rows + num_others)
    return f_tail(statistic * degrees / (num_axes * (num_rows + num_others - 2)), num_axes, degrees)


def _square_root(matrix: Floats) -> Floats:
    sizes, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.sqrt(np.maximum(sizes, 0.0))) @ axes.T)

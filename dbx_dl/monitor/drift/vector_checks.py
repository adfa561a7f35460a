"""Drift of vectors, of an embedding say: their mean and covariance, and whether a classifier tells them apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.gaussians import equal_means_p_value, expect_frechet, frechet_distance, pool_covariances
from dbx_dl.metrics.separability import separability
from dbx_dl.monitor.drift.check import Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.config import DriftConfig
    from dbx_dl.contracts import VectorMoments, VectorSample

# The accuracy of guesses.
_CHANCE = 0.5


def check_moments(baseline: VectorMoments, window: VectorMoments, config: DriftConfig) -> list[Check]:
    """The Fréchet distance, less what chance adds to it, as a share of the baseline's total variance.

    Its p-value is Hotelling's for the means: spreads alone are the classifier's to find. Nothing where either has fewer
    than two rows, or the baseline does not vary.
    """
    if min(baseline.num_rows, window.num_rows) < 2:
        return []
    sides = (baseline, window)
    means, covariances = [np.array(side.mean) for side in sides], [_unfold(side) for side in sides]
    variance = float(np.trace(covariances[0]))
    if not variance > 0:
        return []
    m, n = baseline.num_rows, window.num_rows
    pooled = pool_covariances(covariances[0], m, covariances[1], n)
    distance = frechet_distance(means[0], covariances[0], means[1], covariances[1]) - expect_frechet(pooled, m, n)
    value = max(0.0, distance) / variance
    p_value = equal_means_p_value(means[0], m, means[1], n, pooled)
    return [_make_check(baseline.column, "frechet", value, config.frechet, p_value, (n, m))]


def check_samples(
    baseline: VectorSample, window: VectorSample, config: DriftConfig, sizes: tuple[int, int]
) -> list[Check]:
    """The accuracy of a classifier on held-out rows of both samples; nothing where they are too small for one.

    `sizes` are the rows that the window and the baseline have, of which these are some.
    """
    sides = [np.array(side.vectors, np.float64) for side in (baseline, window)]
    if not all(len(side) for side in sides):
        return []
    found = separability(sides[0], sides[1])
    if found is None:
        return []
    accuracy, p_value = found
    check = _make_check(baseline.column, "classifier", accuracy, config.classifier, p_value, sizes)
    return [replace(check, baseline=_CHANCE)]


def _make_check(
    column: str, metric: str, value: float, limit: float, p_value: float | None, sizes: tuple[int, int]
) -> Check:
    return Check(
        column=column,
        metric=metric,
        value=value,
        num_rows=sizes[0],
        num_baseline=sizes[1],
        limit=limit,
        effect=value,
        least_effect=limit,
        p_value=p_value,
    )


def _unfold(moments: VectorMoments) -> NDArray[np.float64]:
    """The covariance (K, K) of its upper triangle."""
    axes = len(moments.mean)
    found = np.zeros((axes, axes))
    found[np.triu_indices(axes)] = moments.covariance
    return np.asarray(found + np.triu(found, 1).T)

"""How sure a measured value is: exact intervals of shares, and bootstrap intervals over the rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.metrics.beta import beta_quantile
from dbx_dl.metrics.weighted import draw_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Metrics that are a share of rows, for which an exact interval is known.
SHARES = ("accuracy", "exact_match", "coverage")


def share_interval(num_hits: float, num_rows: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share of rows.

    After Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial", 1934.
    It holds the true share with at least this confidence, however few rows there are; (0, 1) without rows. Rows that
    count by weights may be given as the number of plain rows that say as much.
    """
    if num_rows <= 0:
        return 0.0, 1.0
    tail, num_misses = (1 - confidence) / 2, num_rows - num_hits
    low = 0.0 if num_hits <= 0 else beta_quantile(num_hits, num_misses + 1, tail)
    high = 1.0 if num_misses <= 0 else 1 - beta_quantile(num_misses, num_hits + 1, tail)
    return low, high


def difference_interval(
    value: float, interval: tuple[float, float], other: float, other_interval: tuple[float, float]
) -> tuple[float, float]:
    """The interval of `value` less `other`, measured on other rows, from the interval of each.

    After Zou and Donner, "Construction of confidence limits about effect measures: A general approach", 2008. It has
    the confidence of the two, and reaches farther on the side where they do.
    """
    (low, high), (other_low, other_high) = interval, other_interval
    difference = value - other
    return (
        difference - math.hypot(value - low, other_high - other),
        difference + math.hypot(high - value, other - other_low),
    )


class Resamples:
    """Metrics of several models on the same resamples of the same rows: float64 (B,) by model and metric.

    The paired bootstrap: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, with percentile intervals
    (chapter 13); rows are drawn once for all models, so that what is hard in a resample is hard for each of them.
    """

    def __init__(self, values: dict[int, dict[str, NDArray[np.float64]]], confidence: float) -> None:
        self._values = values
        self._quantiles = ((1 - confidence) / 2, (1 + confidence) / 2)

    def interval(self, model: int, metric: str) -> tuple[float, float]:
        """Of one model's metric."""
        return self._cut(self._values[model][metric])

    def interval_of_difference(self, model: int, other: int, metric: str) -> tuple[float, float]:
        """Of the first model's metric less the other's."""
        return self._cut(self._values[model][metric] - self._values[other][metric])

    def _cut(self, values: NDArray[np.float64]) -> tuple[float, float]:
        known = values[~np.isnan(values)]
        if not len(known):
            return float("nan"), float("nan")
        low, high = np.quantile(known, self._quantiles)
        return float(low), float(high)


def resample_models(
    weigh: Callable[..., dict[str, NDArray[np.float64]]],
    labels: NDArray[Any],
    predictions: Mapping[int, NDArray[Any]],
    metrics: Sequence[str],
    *,
    num_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Resamples:
    """Resample the rows of `labels` and measure these metrics of every model's `predictions`.

    `weigh` is a task's (`tasks.Task.weigh`), see `metrics.weighted`.
    """
    parts: dict[int, list[dict[str, NDArray[np.float64]]]] = {model: [] for model in predictions}
    for weights_bn in draw_weights(len(labels), num_resamples, seed):
        for model, values in predictions.items():
            parts[model].append(weigh(labels, values, weights_bn, metrics))
    return Resamples(
        {
            model: {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
            for model, blocks in parts.items()
        },
        confidence,
    )

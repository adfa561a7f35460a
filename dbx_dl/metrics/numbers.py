"""Metrics of predicted numbers and rates against the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.weighting import average, keep_weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray


def regression_metrics(
    labels: NDArray[np.floating], predictions: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """mae, rmse, r2 and mape of predictions (N,) for labels (N,); an empty input gives none.

    mae and rmse are in the label's unit; mape is the mean of |error / label| over the rows whose label is not 0, left
    out where there is none. Rows are weighted by `weights` (N,), else alike. r2 is left out where all labels are equal,
    since it is undefined then.
    """
    weights, labels, predictions = keep_weighted(weights, labels, predictions)
    if len(labels) == 0:
        return {}
    truth = labels.astype(np.float64)
    errors = truth - predictions.astype(np.float64)
    squared_error = average(errors**2, weights)
    spread = average((truth - average(truth, weights)) ** 2, weights)
    values = {"mae": average(np.abs(errors), weights), "rmse": float(np.sqrt(squared_error))}
    values |= {"r2": 1 - squared_error / spread} if spread > 0 else {}
    is_known = truth != 0
    if is_known.any():
        shares = np.abs(errors[is_known] / truth[is_known])
        values["mape"] = average(shares, None if weights is None else weights[is_known])
    return values


def count_metrics(
    labels: NDArray[np.floating], rates: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """`regression_metrics` of predicted rates (N,) above 0 for counts (N,), and the mean poisson_deviance."""
    weights, labels, rates = keep_weighted(weights, labels, rates)
    if len(labels) == 0:
        return {}
    counts, expected = labels.astype(np.float64), rates.astype(np.float64)
    ratios = np.where(counts > 0, counts, expected) / expected
    deviances = 2 * (counts * np.log(ratios) - counts + expected)
    return regression_metrics(labels, rates, weights) | {"poisson_deviance": average(deviances, weights)}

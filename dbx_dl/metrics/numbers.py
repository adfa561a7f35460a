"""Metrics of predicted numbers and rates against the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def regression_metrics(labels: NDArray[np.floating], predictions: NDArray[np.floating]) -> dict[str, float]:
    """mae, rmse and r2 of predictions (N,) for labels (N,), in the label's unit; an empty input gives none.

    r2 is left out where all labels are equal, since it is undefined then.
    """
    if len(labels) == 0:
        return {}
    truth = labels.astype(np.float64)
    errors = truth - predictions.astype(np.float64)
    spread = ((truth - truth.mean()) ** 2).sum()
    values = {"mae": float(np.mean(np.abs(errors))), "rmse": float(np.sqrt(np.mean(errors**2)))}
    return values | ({"r2": float(1 - (errors**2).sum() / spread)} if spread > 0 else {})


def count_metrics(labels: NDArray[np.floating], rates: NDArray[np.floating]) -> dict[str, float]:
    """`regression_metrics` of predicted rates (N,) above 0 for counts (N,), and the mean poisson_deviance."""
    if len(labels) == 0:
        return {}
    counts, expected = labels.astype(np.float64), rates.astype(np.float64)
    ratios = np.where(counts > 0, counts, expected) / expected
    deviances = 2 * (counts * np.log(ratios) - counts + expected)
    return regression_metrics(labels, rates) | {"poisson_deviance": float(np.mean(deviances))}

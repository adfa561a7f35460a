"""Rows that count differently, as with scikit-learn's `sample_weight`; without weights all count alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def keep_weighted(
    weights: NDArray[np.floating] | None, labels: NDArray[Any], predictions: NDArray[Any]
) -> tuple[NDArray[np.float64] | None, NDArray[Any], NDArray[Any]]:
    """Weights float64 (N,), labels (N, ...) and predictions (N, ...) of the rows whose weight is above 0.

    A row of weight 0 is as good as none: it makes no class known, as it would where only its weight is summed up.
    """
    if weights is None:
        return None, labels, predictions
    is_counted = weights > 0
    return weights[is_counted].astype(np.float64), labels[is_counted], predictions[is_counted]


def average(values: NDArray[Any], weights: NDArray[np.float64] | None) -> float:
    """The mean over rows of values (N, ...), and over what else they have."""
    if weights is None:
        return float(np.mean(values))
    rows = values.reshape(len(values), -1).mean(axis=1)
    return float(np.average(rows, weights=weights))


def total_by_column(is_counted: NDArray[np.bool_], weights: NDArray[np.float64] | None) -> NDArray[Any]:
    """How many rows, or how much weight, each column (N, L) has; (L,)."""
    return np.asarray(is_counted.sum(axis=0) if weights is None else weights @ is_counted)

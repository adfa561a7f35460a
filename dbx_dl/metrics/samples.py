"""How alike two samples of rows are, taken together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.metrics.weighted import share_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Distances of all pairs are computed, of so many rows of each sample.
MAX_ROWS = 1000


def energy_distance(rows: NDArray[Any], others: NDArray[Any], weights_bn: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 for samples (N, D) of one distribution, more the less alike they are; float64 (B,) under B weightings (B, N).

    2 E|x - y| - E|x - x'| - E|y - y'| (Szekely and Rizzo, "Energy statistics", 2013) with the Euclidean distance
    divided by the root of D, so that it is of the size of one entry. Of many rows 1,000 count, evenly spread, since
    they often come by class.
    """
    places = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MAX_ROWS)).round().astype(np.int64))
    rows, others = (values[places].astype(np.float64) for values in (rows, others))
    has_weight = weights_bn[:, places].sum(axis=1, keepdims=True) > 0
    shares_bn = share_weights(np.where(has_weight, weights_bn[:, places], 1.0))

    def average(some: NDArray[np.float64], more: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(((shares_bn @ _measure_pairs(some, more)) * shares_bn).sum(axis=1))

    return 2 * average(rows, others) - average(rows, rows) - average(others, others)


def _measure_pairs(some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0) / some.shape[1]))

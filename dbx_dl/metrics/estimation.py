"""Metrics of predicted quantiles and distributions against the true numbers.

Each gives float64 values row by row, from which `measure_rows` makes weighted means and `weigh_rows` those under many
weightings. Pinball loss: Koenker and Bassett 1978. CRPS, the continuous ranked probability score, and the negative log
likelihood (nll): Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.metrics.numbers import regression_metrics
from dbx_dl.metrics.weighted import share_weights, weigh_numbers
from dbx_dl.metrics.weighting import average, keep_weighted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    RowValues = Callable[[Floats, Floats], Mapping[str, Floats]]

# Half the width of the central interval that holds 90 % of a normal distribution, in deviations.
NORMAL_90 = 1.6448536269514722
_POINT_METRICS = ("mae", "rmse", "r2", "mape")


def quantile_rows(labels: Floats, quantiles_np: Floats, levels: Sequence[float]) -> dict[str, Floats]:
    """Of labels (N,) and quantiles (N, P) at P rising levels: pinball, the mean over levels, and coverage.

    coverage is 1 where a label is within the lowest and the highest quantile, or, of one level, not above it.
    """
    errors = labels[:, None] - quantiles_np
    rising = np.array(levels)
    pinball = np.maximum(rising * errors, (rising - 1) * errors).mean(axis=1)
    is_below = labels <= quantiles_np[:, -1]
    is_covered = is_below if len(levels) == 1 else is_below & (labels >= quantiles_np[:, 0])
    return {"pinball": pinball, "coverage": is_covered.astype(np.float64)}


def normal_rows(labels: Floats, parameters_n2: Floats) -> dict[str, Floats]:
    """Of labels (N,) and (mean, deviation) (N, 2): nll in nats, crps in the label's unit, coverage (of 90 %)."""
    mean, deviation = parameters_n2[:, 0], parameters_n2[:, 1]
    z = (labels - mean) / deviation
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    signed = np.asarray(np.frompyfunc(math.erf, 1, 1)(z / math.sqrt(2)), np.float64)  # 2 Phi(z) - 1
    return {
        "nll": np.log(deviation) + 0.5 * z**2 + 0.5 * math.log(2 * math.pi),
        "crps": deviation * (z * signed + 2 * density - 1 / math.sqrt(math.pi)),
        "coverage": (np.abs(z) <= NORMAL_90).astype(np.float64),
    }


def negative_binomial_rows(counts: Floats, parameters_n2: Floats) -> dict[str, Floats]:
    """Of counts (N,) and (mean, dispersion) (N, 2), with variance mean + dispersion * mean^2: nll in nats."""
    mean, dispersion = parameters_n2[:, 0], parameters_n2[:, 1]
    size = 1 / dispersion
    log_gamma = np.frompyfunc(math.lgamma, 1, 1)
    terms = np.asarray(log_gamma(size) + log_gamma(counts + 1) - log_gamma(counts + size), np.float64)
    log_odds = np.log(mean) + np.log(dispersion)
    return {"nll": terms + (size + counts) * np.logaddexp(0, log_odds) - counts * log_odds}


def measure_rows(
    labels: NDArray[Any],
    predictions: NDArray[np.floating],
    points: NDArray[np.floating],
    rows: RowValues,
    weights: NDArray[np.floating] | None = None,
) -> dict[str, float]:
    """What `rows` gives for labels (N,) and predictions (N, P), averaged, and `regression_metrics` of `points` (N,).

    Rows are weighted by `weights` (N,), else alike; none without rows.
    """
    together = np.column_stack([points, predictions])
    weights, labels, together = keep_weighted(weights, labels, together)
    if len(labels) == 0:
        return {}
    truth, points = labels.astype(np.float64), together[:, 0].astype(np.float64)
    found = {name: average(values, weights) for name, values in rows(truth, together[:, 1:].astype(np.float64)).items()}
    return found | regression_metrics(truth, points, weights)


def weigh_rows(
    labels: NDArray[Any],
    predictions: NDArray[Any],
    points: NDArray[Any],
    rows: RowValues,
    weights_bn: Floats,
    metrics: Sequence[str],
) -> dict[str, Floats]:
    """These of `measure_rows`, float64 (B,) each, under B weightings (B, N); NaN where one is undefined."""
    truth, weights_bn = labels.astype(np.float64), share_weights(weights_bn)
    found = {name: weights_bn @ values for name, values in rows(truth, predictions.astype(np.float64)).items()}
    found |= weigh_numbers(truth, points, weights_bn, _POINT_METRICS)
    return {name: found[name] for name in metrics}

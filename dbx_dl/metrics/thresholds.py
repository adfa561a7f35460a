"""An operating threshold: the probability from which on a row gets a label, chosen on held-out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.config import ThresholdConfig

    Floats = NDArray[np.float64]


class OperatingPoint(NamedTuple):
    """A threshold and what it gives: shares of 0 to 1, 0 where they are undefined."""

    threshold: float
    precision: float
    recall: float
    f1: float


def choose_threshold(
    config: ThresholdConfig,
    is_positive: NDArray[np.bool_],
    probabilities: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
) -> tuple[OperatingPoint, bool]:
    """The best threshold by the config's rule for rows (N,), and whether it reaches what the rule asks.

    Thresholds lie midway between neighbouring probabilities, so that rounding moves no row across; among equally good
    ones the highest is taken. Where no threshold has the asked precision it is that of the highest precision.
    ValueError without a positive row of weight above 0.
    """
    weights_n = np.ones(len(is_positive)) if weights is None else weights.astype(np.float64)
    if not weights_n[is_positive].sum() > 0:
        raise ValueError("no row has the label")
    if config.probability is not None:
        return measure_threshold(config.probability, is_positive, probabilities, weights_n), True
    thresholds, hits, alarms = _count_by_threshold(is_positive, probabilities.astype(np.float64), weights_n)
    total = float(weights_n[is_positive].sum())
    precision, recall = hits / np.maximum(hits + alarms, np.finfo(float).tiny), hits / total
    is_reached = True
    if config.costs is not None:
        merit = -(config.costs.false_positive * alarms + config.costs.false_negative * (total - hits))
    elif config.min_precision is not None:
        is_allowed = precision >= config.min_precision - 1e-12
        is_reached = bool(is_allowed.any())
        merit = np.where(is_allowed, recall, -1.0) if is_reached else precision
    elif config.min_recall is not None:
        merit = np.where(recall >= config.min_recall - 1e-12, precision, -1.0)
    else:
        merit = 2 * hits / (hits + alarms + total)
    best = float(thresholds[np.argmax(merit)])
    return measure_threshold(best, is_positive, probabilities, weights_n), is_reached


def measure_threshold(
    threshold: float,
    is_positive: NDArray[np.bool_],
    probabilities: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
) -> OperatingPoint:
    """Precision, recall and F1 of rows (N,) whose probability is the threshold or more, weighted where asked."""
    weights_n = np.ones(len(is_positive)) if weights is None else weights.astype(np.float64)
    is_chosen = probabilities >= threshold
    hits, chosen, total = (
        float(weights_n[rows].sum()) for rows in (is_chosen & is_positive, is_chosen, np.asarray(is_positive))
    )
    return OperatingPoint(
        threshold=threshold,
        precision=hits / chosen if chosen else 0.0,
        recall=hits / total if total else 0.0,
        f1=2 * hits / (chosen + total) if chosen + total else 0.0,
    )


def _count_by_threshold(
    is_positive: NDArray[np.bool_], probabilities: Floats, weights: Floats
) -> tuple[Floats, Floats, Floats]:
    """Thresholds from high to low, and the weight of rows at or above each that are positive, and that are not.

    The first is above all rows where there can be one.
    """
    values, place = np.unique(-probabilities, return_inverse=True)
    hits, alarms = (
        np.cumsum(np.bincount(place, weights * is_counted, len(values))).astype(np.float64)
        for is_counted in (is_positive, ~is_positive)
    )
    distinct = -values
    below = np.append(distinct[1:], 0.0)
    above = (distinct[:1] + 1) / 2 if distinct[0] < 1 else distinct[:0]
    none = np.zeros(len(above))
    thresholds = np.concatenate([above, (distinct + below) / 2])
    return thresholds, np.concatenate([none, hits]), np.concatenate([none, alarms])

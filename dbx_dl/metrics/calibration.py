"""Probabilities of scores that are none yet: what is fitted on held-out rows, and what it makes of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Calibration
from dbx_dl.metrics.activations import sigmoid, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import CalibrationMethod

_MAX_STEPS = 100
_TOLERANCE = 1e-10
# Inverse temperatures beyond these are as good as certainty, or none.
_BOUNDS = (1e-4, 1e4)


def calibrate_scores(scores_nc: NDArray[np.floating], calibration: Calibration) -> NDArray[np.float64]:
    """Probabilities float64 (N, C) of scores (N, C).

    platt: each class has a sigmoid of its own, and all of a row are divided by their sum. temperature: a softmax.
    """
    scaled = scores_nc.astype(np.float64) * np.array(calibration.slopes) + np.array(calibration.offsets)
    # Sigmoids as powers of e, so that a row of tiny ones can be divided by its sum too.
    return softmax(-np.logaddexp(0, -scaled) if calibration.method == "platt" else scaled)


def fit_calibration(
    method: CalibrationMethod,
    scores_nc: NDArray[np.floating],
    labels_n: NDArray[np.integer],
    weights_n: NDArray[np.floating],
) -> Calibration | None:
    """The calibration that fits scores (N, C) of classes to labels (N,); None without rows that have a weight.

    platt: Platt 1999, "Probabilistic outputs for support vector machines", one class against the rest, with his
    targets, which keep probabilities off 0 and 1. temperature: Guo et al. 2017, arXiv:1706.04599.
    """
    weights = weights_n.astype(np.float64)
    if not weights.sum() > 0:
        return None
    scores, num_classes = scores_nc.astype(np.float64), scores_nc.shape[1]
    if method == "temperature":
        slope = _fit_inverse_temperature(scores, labels_n, weights)
        return Calibration(method=method, slopes=(slope,) * num_classes, offsets=(0.0,) * num_classes)
    fitted = [_fit_sigmoid(scores[:, c], labels_n == c, weights) for c in range(num_classes)]
    return Calibration(method=method, slopes=tuple(s for s, _ in fitted), offsets=tuple(o for _, o in fitted))


def _fit_sigmoid(
    scores: NDArray[np.float64], is_class: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Slope and offset of the sigmoid with the least cross-entropy, by Newton's method with halved steps."""
    num_inside, num_outside = weights[is_class].sum(), weights[~is_class].sum()
    targets = np.where(is_class, (num_inside + 1) / (num_inside + 2), 1 / (num_outside + 2))
    size = float(np.abs(scores).max()) or 1.0
    columns = np.stack([scores / size, np.ones_like(scores)], axis=1)

    def loss(at: NDArray[np.float64]) -> float:
        z = columns @ at
        return float((weights * (np.logaddexp(0, z) - targets * z)).sum())

    found = np.array([0.0, np.log((num_inside + 1) / (num_outside + 1))])
    for _ in range(_MAX_STEPS):
        p = sigmoid(columns @ found)
        gradient = columns.T @ (weights * (p - targets))
        curvature = (columns * (weights * p * (1 - p))[:, None]).T @ columns + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        rate = 1.0
        while rate > _TOLERANCE and loss(found - rate * step) > loss(found):
            rate /= 2
        found = found - rate * step
        if np.abs(step).max() < _TOLERANCE:
            break
    return float(found[0] / size), float(found[1])


def _fit_inverse_temperature(
    scores: NDArray[np.float64], labels: NDArray[np.integer], weights: NDArray[np.float64]
) -> float:
    """The factor of scores with the least cross-entropy, whose slope rises with the factor: by bisection."""
    low, high = _BOUNDS
    for _ in range(_MAX_STEPS):
        middle = float(np.sqrt(low * high))
        expected = (softmax(scores * middle) * scores).sum(axis=1)
        slope = (weights * (expected - scores[np.arange(len(labels)), labels])).sum()
        low, high = (low, middle) if slope > 0 else (middle, high)
    return float(np.sqrt(low * high))

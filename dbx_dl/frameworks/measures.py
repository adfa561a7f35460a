"""What supervised training measures: predictions of a network's outputs, and the task's metrics of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.metrics import (
    classification_metrics,
    count_metrics,
    multilabel_metrics,
    regression_metrics,
    sigmoid,
    softmax,
)
from dbx_dl.metrics.calibration import calibrate_scores

if TYPE_CHECKING:
    from dbx_dl.contracts import Batch, Calibration
    from dbx_dl.frameworks.interface import ObjectiveRequest

LABELS, PREDICTIONS, WEIGHTS = "labels", "predictions", "sample_weights"
# The exponential of the logarithm of a rate stays finite in float64.
LARGEST_LOG_RATE = 700.0


class SupervisedMeasures:
    """The `Measures` of a task: labels as they are in a batch beside predictions float64.

    Predictions are probabilities (N, C) of classes or (N, L) of labels, numbers (N,) in the label's own unit, or rates
    (N,). Where rows have sample weights these are kept too, float32 (N,), and metrics are weighted by them.
    """

    def __init__(self, request: ObjectiveRequest, calibration: Calibration | None = None) -> None:
        self._request = request
        self._calibration = calibration

    def observe(self, batch: Batch, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """`labels` and `predictions` of a batch's rows, and their `sample_weights` where they have some."""
        observed = {LABELS: batch.labels, PREDICTIONS: self.predict(outputs)}
        return observed | ({WEIGHTS: batch.sample_weights} if self._request.has_sample_weights else {})

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Predictions of a network's outputs float32 (N, num_outputs)."""
        if self._request.task == "multilabel":
            return sigmoid(outputs)
        if self._request.task == "regression":
            return outputs[:, 0].astype(np.float64) * self._request.label_scale + self._request.label_center
        if self._request.task == "count":
            return np.asarray(np.exp(np.minimum(outputs[:, 0].astype(np.float64), LARGEST_LOG_RATE)))
        return softmax(outputs) if self._calibration is None else calibrate_scores(outputs, self._calibration)

    def measure(self, observed: Mapping[str, Any]) -> dict[str, float]:
        """The task's metrics over all rows; none without rows."""
        if not observed:
            return {}
        labels, predictions, weights = observed[LABELS], observed[PREDICTIONS], observed.get(WEIGHTS)
        if self._request.task == "multilabel":
            return multilabel_metrics(labels, predictions, weights)
        if self._request.task == "regression":
            return regression_metrics(labels, predictions, weights)
        if self._request.task == "count":
            return count_metrics(labels, predictions, weights)
        return classification_metrics(labels, predictions, weights, top_k=self._request.top_k)

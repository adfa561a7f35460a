"""What supervised training measures: predictions of a network's outputs, and the task's metrics of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.tasks.segmentation import SegmentationTask

if TYPE_CHECKING:
    import numpy as np

    from dbx_dl.contracts import Batch, Calibration
    from dbx_dl.frameworks.interface import ObjectiveRequest

LABELS, PREDICTIONS, WEIGHTS = "labels", "predictions", "sample_weights"


class SupervisedMeasures:
    """The `Measures` of a task: labels as they are in a batch beside predictions float64.

    Predictions are those of `tasks.Task.predict`. Where rows have sample weights these are kept too, float32 (N,), and
    metrics are weighted by them.
    """

    def __init__(self, request: ObjectiveRequest, calibration: Calibration | None = None) -> None:
        self._request = request
        self._task = task_of(request)
        self._settings = TaskSettings(
            request.label_center, request.label_scale, calibration, request.top_k, request.are_pixels
        )

    def observe(self, batch: Batch, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """`labels` and `predictions` of a batch's rows, and their `sample_weights` where they have some."""
        observed = {LABELS: batch.labels, PREDICTIONS: self._keep(outputs)}
        return observed | ({WEIGHTS: batch.sample_weights} if self._request.has_sample_weights else {})

    def _keep(self, outputs: np.ndarray) -> np.ndarray:
        """Predictions, of masks only which label each pixel has."""
        return self._task.observe(outputs) if isinstance(self._task, SegmentationTask) else self.predict(outputs)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Predictions of a network's outputs float32 (N, num_outputs)."""
        return self._task.predict(outputs, self._settings)

    def measure(self, observed: Mapping[str, Any]) -> dict[str, float]:
        """The task's metrics over all rows; none without rows."""
        if not observed:
            return {}
        return self._task.measure(observed[LABELS], observed[PREDICTIONS], observed.get(WEIGHTS), self._settings)

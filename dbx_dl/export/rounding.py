"""Which metrics can be told from others where predictions are only known within rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import Task


def bound_metrics(
    measure: Callable[..., dict[str, float]],
    labels: NDArray[np.generic],
    predictions: NDArray[np.floating],
    task: Task,
    step: float,
    scale: float = 1.0,
) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each metric when every prediction is moved by `step` from or towards its truth.

    Counts of right rows, orders of rows, and logarithms of saturated probabilities jump where predictions are equal up
    to rounding, so that no fixed difference bounds them. `step` is of probabilities, of values in units of `scale`, and
    of a count's rate where that is above 1.
    """
    unit = scale if task == "regression" else 1.0
    ends = [measure(labels, _move(labels, predictions, task, distance * unit)) for distance in (-step, step)]
    return {
        name: (min(end[name] for end in ends), max(end[name] for end in ends)) for name in ends[0] if name in ends[1]
    }


def _move(
    labels: NDArray[np.generic], predictions: NDArray[np.floating], task: Task, distance: float
) -> NDArray[np.floating]:
    """Predictions nearer to the truth by `distance`, or farther from it where that is negative."""
    import numpy as np

    values = predictions.astype(np.float64)
    if task in ("regression", "count"):
        gaps = labels.astype(np.float64) - values
        steps = np.sign(gaps) * distance * (np.maximum(1.0, values) if task == "count" else 1.0)
        is_beyond = (distance > 0) & (np.abs(steps) > np.abs(gaps))
        moved = values + np.where(is_beyond, gaps, steps)
        return np.maximum(moved, values / 2) if task == "count" else moved
    truth = labels if task == "multilabel" else np.eye(values.shape[1])[labels.astype(np.int64)]
    return np.clip(values + distance * np.sign(2 * truth - 1), 0.0, 1.0)

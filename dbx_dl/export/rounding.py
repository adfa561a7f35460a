"""Which metrics can be told from others where predictions are only known within rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.tasks import Task, TaskSettings


def bound_metrics(
    task: Task,
    labels: NDArray[np.generic],
    predictions: NDArray[np.floating],
    step: float,
    settings: TaskSettings,
) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each metric when every prediction is moved by `step` from or towards its truth.

    Counts of right rows, orders of rows, and logarithms of saturated probabilities jump where predictions are equal up
    to rounding, so that no fixed difference bounds them. `step` is in the units of `Task.scale_differences`.
    """
    import numpy as np

    values = predictions.astype(np.float64)
    ends = [
        task.measure(labels, task.move(labels, values, distance, settings), None, settings)
        for distance in (-step, step)
    ]
    return {
        name: (min(end[name] for end in ends), max(end[name] for end in ends)) for name in ends[0] if name in ends[1]
    }

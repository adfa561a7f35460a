"""Reconstruction: a network gives its inputs again, without labels, and what it cannot give is unusual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import NumberRows, RelativeUnits, WithoutChoice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

ERROR = "reconstruction_error"


@dataclass(frozen=True)
class ReconstructionTask(NumberRows, RelativeUnits, WithoutChoice):
    """Predictions (N, 1) are anomaly scores: the mean squared difference of a row and its reconstruction; see `Task`.

    Outputs (N, 2 D) are the reconstruction, of pixels as logits, and beside it the row: pixels / 255, or features.
    """

    name: TaskName = "reconstruction"
    network_gives: str = "the inputs again (of pixels: logits of pixels / 255), and the inputs"
    scoring_returns: str = "an anomaly score, the mean squared reconstruction error; and the code"
    label_kind: LabelKind = "none"
    output_kind: OutputKind = "values"
    losses: tuple[str, ...] = ("cross_entropy", "squared_error")
    metrics: tuple[str, ...] = (ERROR,)
    default_metric: str = ERROR
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """Two, for each entry of a row."""
        del target
        return 2

    def name_values(self, target: Target) -> tuple[str, ...]:
        """The score."""
        del target
        return ("anomaly_score",)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Anomaly scores, of pixels in units of their whole range."""
        import numpy as np

        from dbx_dl.metrics import sigmoid

        given, rows = np.split(outputs.astype(np.float64), 2, axis=1)
        given = sigmoid(given) if settings.are_pixels else given
        return np.asarray(np.square(rows - given).mean(axis=1, keepdims=True))

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """The mean anomaly score."""
        import numpy as np

        from dbx_dl.metrics.weighting import average, keep_weighted

        del settings
        weights, _, scores = keep_weighted(weights, labels, predictions[:, 0])
        return {ERROR: average(scores.astype(np.float64), weights)} if len(scores) else {}

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """The mean anomaly score."""
        import numpy as np

        from dbx_dl.metrics.weighted import share_weights

        del labels
        return dict.fromkeys(metrics, share_weights(weights_bn) @ predictions[:, 0].astype(np.float64))

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """Scores lower by `distance`, times the score where that is above 1, and not below 0."""
        import numpy as np

        del labels, settings
        return np.maximum(predictions - distance * np.maximum(1.0, predictions), 0.0)

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """The anomaly score, computed in float64."""
        import numpy as np

        given, rows = end.split(end.to_doubles(logits))
        if settings.are_pixels:
            given = end.add("Sigmoid", [given])
        differences = end.add("Sub", [rows, given])
        squares = end.add("Mul", [differences, differences])
        end.add("ReduceMean", [squares, end.constant(np.array([1]))], output, keepdims=1)

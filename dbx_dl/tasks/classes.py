"""Classification: every row belongs to one of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import LabelRows, PlainUnits, Unnamed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import Calibration, OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats


@dataclass(frozen=True)
class ClassTask(LabelRows, PlainUnits, Unnamed):
    """Labels int64 (N,), predictions are probabilities (N, C); see `Task`."""

    name: TaskName
    network_gives: str
    scoring_returns: str
    label_kind: LabelKind = "class"
    output_kind: OutputKind = "probabilities"
    losses: tuple[str, ...] = ("cross_entropy", "hinge", "squared_hinge", "perceptron", "squared_error")
    metrics: tuple[str, ...] = ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "brier", "auc")
    default_metric: str = "accuracy"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """One logit for each class."""
        return len(target.label_names)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Softmax of logits, or what the calibration makes of them."""
        from dbx_dl.metrics import softmax
        from dbx_dl.metrics.calibration import calibrate_scores

        return softmax(outputs) if settings.calibration is None else calibrate_scores(outputs, settings.calibration)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `classification_metrics`."""
        from dbx_dl.metrics import classification_metrics

        return classification_metrics(labels, predictions, weights, top_k=settings.top_k)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_classes`."""
        from dbx_dl.metrics.weighted import weigh_classes

        return weigh_classes(labels, predictions, weights_bn, metrics)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """The probability of the row's class rises, those of the others fall."""
        import numpy as np

        del settings
        truth = np.eye(predictions.shape[1])[labels.astype(np.int64)]
        return np.clip(predictions + distance * np.sign(2 * truth - 1), 0.0, 1.0)

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The likeliest class is the same."""
        import numpy as np

        return np.asarray(found.argmax(axis=1) == expected.argmax(axis=1))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """Softmax, behind the calibration where there is one."""
        end.add("Softmax", [_calibrate(end, logits, settings.calibration)], output, axis=1)


def _calibrate(end: GraphEnd, scores: str, calibration: Calibration | None) -> str:
    """What a softmax makes the calibrated probabilities of; for sigmoids that is their logarithm."""
    import numpy as np

    if calibration is None:
        return scores
    slopes, offsets = (
        end.constant(np.array(values, np.float32)) for values in (calibration.slopes, calibration.offsets)
    )
    scaled = end.add("Add", [end.add("Mul", [scores, slopes]), offsets])
    if calibration.method == "temperature":
        return scaled
    return end.add("Neg", [end.add("Softplus", [end.add("Neg", [scaled])])])

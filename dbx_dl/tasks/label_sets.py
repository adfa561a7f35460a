"""Multi-label classification: every row has any number of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import LabelRows, PlainUnits, Unnamed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

# From this probability on a label is one of a row's labels, as in `metrics.multilabel_metrics`.
LABEL_THRESHOLD = 0.5


@dataclass(frozen=True)
class LabelSetTask(LabelRows, PlainUnits, Unnamed):
    """Labels are multi-hot float32 (N, L), predictions probabilities (N, L); see `Task`."""

    name: TaskName = "multilabel"
    network_gives: str = "a logit for each label"
    scoring_returns: str = "a probability for each label, and the labels above one half"
    label_kind: LabelKind = "label_set"
    output_kind: OutputKind = "probabilities"
    losses: tuple[str, ...] = ("sigmoid_cross_entropy",)
    metrics: tuple[str, ...] = ("exact_match", "f1_macro", "f1_micro", "log_loss", "auc")
    default_metric: str = "f1_micro"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """One logit for each label."""
        return len(target.label_names)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Sigmoid of logits."""
        from dbx_dl.metrics import sigmoid

        del settings
        return sigmoid(outputs)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `multilabel_metrics`."""
        from dbx_dl.metrics import multilabel_metrics

        del settings
        return multilabel_metrics(labels, predictions, weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_label_sets`."""
        from dbx_dl.metrics.weighted import weigh_label_sets

        return weigh_label_sets(labels, predictions, weights_bn, metrics)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """Probabilities of a row's labels rise, those of the others fall."""
        import numpy as np

        del settings
        return np.asarray(np.clip(predictions + distance * np.sign(2 * labels - 1), 0.0, 1.0))

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The set of labels is the same."""
        import numpy as np

        return np.asarray(((found >= LABEL_THRESHOLD) == (expected >= LABEL_THRESHOLD)).all(axis=1))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """Sigmoid."""
        del settings
        end.add("Sigmoid", [logits], output)

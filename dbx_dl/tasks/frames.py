"""A label for every step of a sequence: for every token of a text, say its part of speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import FloatRows, PlainUnits, Unnamed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

# Labels of steps that are padding.
NO_LABEL = -1
# Weights of so many steps are looked at together.
_MAX_CELLS = 2**22
# Where a step's logits are all below this it is padding; networks put them at -10,000 there.
PADDING_LOGIT = -5e3


@dataclass(frozen=True)
class FramesTask(FloatRows, PlainUnits, Unnamed):
    """Labels int64 (N, T), -1 for padding; predictions are probabilities (N, T, C), zeros for padding; see `Task`."""

    num_frames: int = 0
    name: TaskName = "frames"
    network_gives: str = "a logit for each class at every step"
    scoring_returns: str = "a label for each step, its probability, and those of all classes"
    label_kind: LabelKind = "frames"
    output_kind: OutputKind = "frames"
    losses: tuple[str, ...] = ("cross_entropy",)
    metrics: tuple[str, ...] = ("accuracy", "balanced_accuracy", "f1_macro", "log_loss")
    default_metric: str = "accuracy"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """One logit for each class and step."""
        return target.num_frames * len(target.label_names)

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """Probabilities of the classes for each step."""
        return (target.num_frames, len(target.label_names))

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Softmax of the logits (N, T * C) step by step."""
        import numpy as np

        from dbx_dl.metrics import softmax

        del settings
        logits = outputs.reshape(len(outputs), self.num_frames, -1)
        flat = softmax(logits.reshape(-1, logits.shape[-1]))
        is_step = logits.max(axis=-1, keepdims=True) > PADDING_LOGIT
        return np.asarray(flat.reshape(logits.shape) * is_step)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `classification_metrics`, over all steps that have a label."""
        from dbx_dl.metrics import classification_metrics

        del settings
        rows, steps = (labels != NO_LABEL).nonzero()
        weights = None if weights is None else weights[rows]
        found = classification_metrics(labels[rows, steps], predictions[rows, steps], weights)
        return {name: value for name, value in found.items() if name in self.metrics}

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_classes`; a row's weight is that of its steps."""
        import numpy as np

        from dbx_dl.metrics.weighted import weigh_classes

        rows, steps = (labels != NO_LABEL).nonzero()
        labels, predictions = labels[rows, steps], predictions[rows, steps]
        # There are many more steps than rows: so many weightings at once as take some tens of MB.
        size = max(1, _MAX_CELLS // max(1, len(rows)))
        parts = [
            weigh_classes(labels, predictions, weights_bn[start : start + size, rows], metrics)
            for start in range(0, len(weights_bn), size)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in metrics}

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """The probability of every step's class rises, those of the others fall."""
        import numpy as np

        del settings
        truth = labels[..., None] == np.arange(predictions.shape[-1])
        moved = np.clip(predictions + distance * np.where(truth, 1, -1), 0.0, 1.0)
        return np.where((labels != NO_LABEL)[..., None], moved, predictions)

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The likeliest class of every step is the same."""
        import numpy as np

        return np.asarray((found.argmax(axis=-1) == expected.argmax(axis=-1)).all(axis=1))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """What `predict` computes: float32 (N, T, C)."""
        import numpy as np

        del settings
        steps = end.add("Reshape", [logits, end.constant(np.array([0, self.num_frames, -1]))])
        largest = end.add("ReduceMax", [steps, end.constant(np.array([2]))], keepdims=1)
        is_step = end.add("Greater", [largest, end.constant(np.float32(PADDING_LOGIT))])
        end.add("Mul", [end.add("Softmax", [steps], axis=2), end.to_floats(is_step)], output)

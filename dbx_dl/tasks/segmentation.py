"""Semantic segmentation: which label each pixel of an image belongs to."""

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


@dataclass(frozen=True)
class SegmentationTask(FloatRows, PlainUnits, Unnamed):
    """Labels are masks uint8 (N, H, W), predictions probabilities (N, H, W, 1 + C), background first; see `Task`.

    `grid` are H and W. What `observe` keeps of predictions, and scores give back, are masks.
    """

    grid: tuple[int, int] = (1, 1)
    name: TaskName = "segmentation"
    network_gives: str = "for each pixel a logit for background and each label"
    scoring_returns: str = "a mask, and the share of the image by label"
    label_kind: LabelKind = "mask"
    output_kind: OutputKind = "mask"
    losses: tuple[str, ...] = ("pixel_cross_entropy",)
    metrics: tuple[str, ...] = ("mean_iou", "pixel_accuracy")
    default_metric: str = "mean_iou"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """1 + C logits for each pixel."""
        return self.grid[0] * self.grid[1] * (1 + len(target.label_names))

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """Probabilities of background and labels for each pixel."""
        return (*self.grid, 1 + len(target.label_names))

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Softmax of each pixel's logits."""
        import numpy as np

        from dbx_dl.metrics import softmax

        del settings
        num_numbers = outputs.shape[1] // (self.grid[0] * self.grid[1])
        return np.asarray(softmax(outputs.reshape(-1, num_numbers)).reshape(len(outputs), *self.grid, num_numbers))

    def observe(self, outputs: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Masks (N, H, W): all that metrics need, in far less memory than probabilities."""
        import numpy as np

        logits = outputs.reshape(len(outputs), *self.grid, -1)
        return np.asarray(logits.argmax(axis=3)).astype(np.uint8)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[Any],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `mask_metrics`; of masks or probabilities."""
        from dbx_dl.metrics.masks import mask_metrics

        del settings
        return mask_metrics(labels, predictions, weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_masks`; of masks or probabilities."""
        from dbx_dl.metrics.masks import weigh_masks

        return weigh_masks(labels, predictions, weights_bn, metrics)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """The probability of each pixel's label rises, those of the others fall; masks, which have none, stay."""
        import numpy as np

        del settings
        if predictions.ndim == 3:
            return predictions
        truth = np.eye(predictions.shape[3])[labels.astype(np.int64)]
        return np.clip(predictions + distance * np.sign(2 * truth - 1), 0.0, 1.0)

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """All pixels have the same label."""
        import numpy as np

        return np.asarray((found.argmax(axis=3) == expected.argmax(axis=3)).all(axis=(1, 2)))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """Probabilities float32 (N, H, W, 1 + C)."""
        import numpy as np

        del settings
        pixels = end.add("Reshape", [logits, end.constant(np.array([0, *self.grid, -1]))])
        end.add("Softmax", [pixels], output, axis=3)

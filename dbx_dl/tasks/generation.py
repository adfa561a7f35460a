"""Generation: a network makes images of random numbers, which are to be like those of a table, taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import FloatRows, PlainUnits, Unnamed, WithoutChoice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

DISTANCE = "energy_distance"


@dataclass(frozen=True)
class GenerationTask(FloatRows, PlainUnits, Unnamed, WithoutChoice):
    """Labels are images float32 (N, D), predictions others (N, D), pixels / 255 with channels last; see `Task`.

    Which label stands beside which prediction does not matter.
    """

    name: TaskName = "generation"
    network_gives: str = "an image made of random numbers (logits of pixels / 255)"
    scoring_returns: str = "the image, pixels / 255 in a row"
    label_kind: LabelKind = "image"
    output_kind: OutputKind = "pixels"
    losses: tuple[str, ...] = ("adversarial",)
    metrics: tuple[str, ...] = (DISTANCE,)
    default_metric: str = DISTANCE
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """One for each entry of an image."""
        return target.num_entries

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """The entries of an image."""
        return (target.num_entries,)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Pixels / 255."""
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
        """See `energy_distance`."""
        import numpy as np

        from dbx_dl.metrics.samples import energy_distance

        del settings
        if not len(labels):
            return {}
        own = np.ones((1, len(labels))) if weights is None else weights[None].astype(np.float64)
        return {DISTANCE: float(energy_distance(labels, predictions, own)[0])} if own.sum() > 0 else {}

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `energy_distance`."""
        from dbx_dl.metrics.samples import energy_distance

        return dict.fromkeys(metrics, energy_distance(labels, predictions, weights_bn))

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """By `distance` towards the image that stands beside it, and not beyond."""
        import numpy as np

        del settings
        gaps = labels - predictions
        return np.asarray(predictions + np.sign(gaps) * np.minimum(distance, np.abs(gaps)))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """Sigmoid."""
        del settings
        end.add("Sigmoid", [logits], output)

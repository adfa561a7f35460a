"""Regression and counts: one number for every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import LabelUnits, NumberRows, RelativeUnits, Unnamed, WithoutChoice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

# The exponential of the logarithm of a rate stays finite in float64.
LARGEST_LOG_RATE = 700.0


@dataclass(frozen=True)
class _OneNumber(Unnamed, NumberRows, WithoutChoice):
    """Labels float32 (N,), predictions (N,)."""

    label_kind: LabelKind = "number"
    output_kind: OutputKind = "value"

    def count_outputs(self, target: Target) -> int:
        """One."""
        del target
        return 1


@dataclass(frozen=True)
class RegressionTask(_OneNumber, LabelUnits):
    """Predictions are in the label's own unit; see `Task`."""

    name: TaskName = "regression"
    network_gives: str = "a number"
    scoring_returns: str = "the number, in the label's unit"
    losses: tuple[str, ...] = ("squared_error", "huber", "mae")
    metrics: tuple[str, ...] = ("mae", "rmse", "mape", "r2")
    default_metric: str = "rmse"
    is_scaled: bool = True
    least_label: float | None = None

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Outputs in the label's unit."""
        import numpy as np

        return np.asarray(outputs[:, 0].astype(np.float64) * settings.label_scale + settings.label_center)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `regression_metrics`."""
        from dbx_dl.metrics import regression_metrics

        del settings
        return regression_metrics(labels, predictions, weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_numbers`."""
        from dbx_dl.metrics.weighted import weigh_numbers

        return weigh_numbers(labels, predictions, weights_bn, metrics)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """By `distance` in units of the label's scale, and not beyond the truth."""
        return move_numbers(labels, predictions, distance, settings.label_scale)

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """The number in the label's unit, computed in float64."""
        scaled = end.add("Mul", [end.as_doubles(logits), end.constant(settings.label_scale)])
        end.add("Add", [scaled, end.constant(settings.label_center)], output)


@dataclass(frozen=True)
class CountTask(_OneNumber, RelativeUnits):
    """Predictions are rates above 0; see `Task`."""

    name: TaskName = "count"
    network_gives: str = "the logarithm of a rate"
    scoring_returns: str = "the rate"
    losses: tuple[str, ...] = ("poisson",)
    metrics: tuple[str, ...] = ("mae", "rmse", "mape", "r2", "poisson_deviance")
    default_metric: str = "poisson_deviance"
    is_scaled: bool = False
    least_label: float | None = 0.0

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Exponentials, finite for any output."""
        import numpy as np

        del settings
        return np.asarray(np.exp(np.minimum(outputs[:, 0].astype(np.float64), LARGEST_LOG_RATE)))

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `count_metrics`."""
        from dbx_dl.metrics import count_metrics

        del settings
        return count_metrics(labels, predictions, weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_counts`."""
        from dbx_dl.metrics.weighted import weigh_counts

        return weigh_counts(labels, predictions, weights_bn, metrics)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """By `distance`, times the rate where that is above 1; a rate stays above 0."""
        import numpy as np

        del settings
        moved = move_numbers(labels, predictions, distance, np.maximum(1.0, predictions))
        return np.maximum(moved, predictions / 2)

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """The rate, computed in float64."""
        del settings
        end.add("Exp", [end.add("Min", [end.as_doubles(logits), end.constant(LARGEST_LOG_RATE)])], output)


def move_numbers(labels: NDArray[Any], predictions: Floats, distance: float, unit: float | Floats) -> Floats:
    """Predictions nearer to labels by `distance` times `unit`, and not beyond them; farther when negative."""
    import numpy as np

    gaps = labels.astype(np.float64) - predictions
    steps = np.sign(gaps) * distance * unit
    is_beyond = (distance > 0) & (np.abs(steps) > np.abs(gaps))
    return np.asarray(predictions + np.where(is_beyond, gaps, steps))

"""Distributions of a label by their parameters: a normal one of numbers, a negative binomial one of counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.numbers import LARGEST_LOG_RATE, move_numbers
from dbx_dl.tasks.several_numbers import LEAST_SPREAD, SeveralNumbers, add_softplus, pick, softplus
from dbx_dl.tasks.traits import LabelUnits, RelativeUnits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats, TaskSettings


class _TwoParameters(SeveralNumbers):
    def count_outputs(self, target: Target) -> int:
        """Two."""
        del target
        return 2


@dataclass(frozen=True)
class GaussianTask(_TwoParameters, LabelUnits):
    """Predictions (N, 2) are mean and deviation, in the label's unit; see `Task`.

    The deviation is the softplus of the second output, and at least a thousandth of the label's (Nix and Weigend 1994).
    """

    name: TaskName = "gaussian"
    network_gives: str = "the mean, and what a softplus makes the deviation of"
    scoring_returns: str = "mean and deviation, in the label's unit"
    losses: tuple[str, ...] = ("gaussian_nll",)
    metrics: tuple[str, ...] = ("nll", "crps", "coverage", "mae", "rmse", "mape", "r2")
    default_metric: str = "nll"
    is_scaled: bool = True
    least_label: float | None = None

    def name_values(self, target: Target) -> tuple[str, ...]:
        """As a normal distribution's parameters."""
        del target
        return ("mean", "deviation")

    def find_interval(self, predictions: NDArray[np.floating]) -> tuple[Floats, Floats] | None:
        """The central 90 %."""
        from dbx_dl.metrics.estimation import NORMAL_90

        mean, reach = predictions[:, 0].astype("float64"), NORMAL_90 * predictions[:, 1].astype("float64")
        return mean - reach, mean + reach

    def row_values(self, labels: Floats, predictions: Floats) -> Mapping[str, Floats]:
        """See `normal_rows`."""
        from dbx_dl.metrics.estimation import normal_rows

        return normal_rows(labels, predictions)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Mean and deviation in the label's unit."""
        import numpy as np

        scaled = outputs.astype(np.float64)
        mean = scaled[:, 0] * settings.label_scale + settings.label_center
        return np.stack([mean, (softplus(scaled[:, 1]) + LEAST_SPREAD) * settings.label_scale], axis=1)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """The mean towards the truth, the deviation towards the mean's error, which it fits best; it stays above 0."""
        import numpy as np

        mean = move_numbers(labels, predictions[:, 0], distance, settings.label_scale)
        errors = np.abs(labels.astype(np.float64) - predictions[:, 0])
        deviation = move_numbers(errors, predictions[:, 1], distance, settings.label_scale)
        return np.stack([mean, np.maximum(deviation, predictions[:, 1] / 2)], axis=1)

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """What `predict` computes, in float64."""
        import numpy as np

        scaled, scale = end.to_doubles(logits), end.constant(np.float64(settings.label_scale))
        centered = end.add("Mul", [pick(end, scaled, [0]), scale])
        mean = end.add("Add", [centered, end.constant(np.float64(settings.label_center))])
        spread = end.add("Add", [add_softplus(end, pick(end, scaled, [1])), end.constant(np.float64(LEAST_SPREAD))])
        end.add("Concat", [mean, end.add("Mul", [spread, scale])], output, axis=1)


@dataclass(frozen=True)
class NegativeBinomialTask(_TwoParameters, RelativeUnits):
    """Predictions (N, 2) are mean and dispersion of a count whose variance is mean + dispersion * mean^2; see `Task`.

    The dispersion is the softplus of the second output, and at least 0.001; towards 0 the counts become Poisson's
    (Cameron and Trivedi 1986, their NB2).
    """

    name: TaskName = "negative_binomial"
    network_gives: str = "the logarithm of the mean, and what a softplus makes the dispersion of"
    scoring_returns: str = "mean and dispersion; the variance is mean + dispersion * mean^2"
    losses: tuple[str, ...] = ("negative_binomial_nll",)
    metrics: tuple[str, ...] = ("nll", "mae", "rmse", "mape", "r2")
    default_metric: str = "nll"
    is_scaled: bool = False
    least_label: float | None = 0.0

    def name_values(self, target: Target) -> tuple[str, ...]:
        """As a negative binomial distribution's parameters."""
        del target
        return ("mean", "dispersion")

    def row_values(self, labels: Floats, predictions: Floats) -> Mapping[str, Floats]:
        """See `negative_binomial_rows`."""
        from dbx_dl.metrics.estimation import negative_binomial_rows

        return negative_binomial_rows(labels, predictions)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Mean and dispersion, finite for any output."""
        import numpy as np

        del settings
        doubles = outputs.astype(np.float64)
        mean = np.exp(np.clip(doubles[:, 0], -LARGEST_LOG_RATE, LARGEST_LOG_RATE))
        return np.stack([mean, softplus(doubles[:, 1]) + LEAST_SPREAD], axis=1)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """The mean by `distance`, times itself where it is above 1; it stays above 0."""
        import numpy as np

        del settings
        mean = move_numbers(labels, predictions[:, 0], distance, np.maximum(1.0, predictions[:, 0]))
        return np.stack([np.maximum(mean, predictions[:, 0] / 2), predictions[:, 1]], axis=1)

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """What `predict` computes, in float64."""
        import numpy as np

        del settings
        doubles, bound = end.to_doubles(logits), end.constant(np.float64(LARGEST_LOG_RATE))
        bounded = end.add("Max", [pick(end, doubles, [0]), end.constant(np.float64(-LARGEST_LOG_RATE))])
        mean = end.add("Exp", [end.add("Min", [bounded, bound])])
        spread = end.add("Add", [add_softplus(end, pick(end, doubles, [1])), end.constant(np.float64(LEAST_SPREAD))])
        end.add("Concat", [mean, spread], output, axis=1)

"""Quantiles: how high a label is with given probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.numbers import move_numbers
from dbx_dl.tasks.several_numbers import SeveralNumbers, add_softplus, pick, softplus
from dbx_dl.tasks.traits import LabelUnits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats, TaskSettings


@dataclass(frozen=True)
class QuantilesTask(SeveralNumbers, LabelUnits):
    """Predictions (N, P) are the label's quantiles at P rising `levels`, in its unit; see `Task`.

    The network gives the lowest one and, through a softplus, what each next one is above it, so that they never cross
    (incremental quantile functions, Park et al. 2022, arXiv:2111.06581).
    """

    levels: tuple[float, ...] = (0.1, 0.5, 0.9)
    name: TaskName = "quantiles"
    network_gives: str = "the lowest quantile, and the steps from each to the next"
    scoring_returns: str = "a number for each of train.quantiles: q10, q50, q90"
    losses: tuple[str, ...] = ("pinball",)
    metrics: tuple[str, ...] = ("pinball", "coverage", "mae", "rmse", "mape", "r2")
    default_metric: str = "pinball"
    is_scaled: bool = True
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """One for each level."""
        del target
        return len(self.levels)

    def name_values(self, target: Target) -> tuple[str, ...]:
        """`q10` for the level 0.1, `q2_5` for 0.025."""
        del target
        return tuple(f"q{100 * level:.10g}".replace(".", "_") for level in self.levels)

    def row_values(self, labels: Floats, predictions: Floats) -> Mapping[str, Floats]:
        """See `quantile_rows`."""
        from dbx_dl.metrics.estimation import quantile_rows

        return quantile_rows(labels, predictions, self.levels)

    def choose_points(self, predictions: NDArray[np.floating]) -> NDArray[np.floating]:
        """The quantile nearest to the median."""
        place = min(range(len(self.levels)), key=lambda k: abs(self.levels[k] - 0.5))
        return predictions[:, place]

    def find_interval(self, predictions: NDArray[np.floating]) -> tuple[Floats, Floats] | None:
        """From the lowest to the highest quantile."""
        values = predictions.astype("float64")
        return (values[:, 0], values[:, -1]) if len(self.levels) > 1 else None

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Steps added up, in the label's unit."""
        import numpy as np

        scaled = outputs.astype(np.float64)
        rising = np.cumsum(np.concatenate([scaled[:, :1], softplus(scaled[:, 1:])], axis=1), axis=1)
        return np.asarray(rising * settings.label_scale + settings.label_center)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """Every quantile by `distance` in units of the label's scale, and not beyond the truth."""
        return move_numbers(labels[:, None], predictions, distance, settings.label_scale)

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """What `predict` computes, in float64."""
        import numpy as np

        scaled = end.to_doubles(logits)
        if len(self.levels) > 1:
            steps = add_softplus(end, pick(end, scaled, range(1, len(self.levels))))
            parts = end.add("Concat", [pick(end, scaled, [0]), steps], axis=1)
            scaled = end.add("CumSum", [parts, end.constant(np.int64(1))])
        scaled = end.add("Mul", [scaled, end.constant(np.float64(settings.label_scale))])
        end.add("Add", [scaled, end.constant(np.float64(settings.label_center))], output)

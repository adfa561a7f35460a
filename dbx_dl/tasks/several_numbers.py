"""What tasks share that predict several numbers for a label that is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import NumberRows, WithoutChoice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

# Deviations (in the label's scale) and dispersions are at least this.
LEAST_SPREAD = 1e-3


class SeveralNumbers(NumberRows, WithoutChoice):
    """Labels float32 (N,), predictions (N, P), of which one is the point that is compared with the label."""

    label_kind: LabelKind = "number"
    output_kind: OutputKind = "values"

    def row_values(self, labels: Floats, predictions: Floats) -> Mapping[str, Floats]:
        """The task's own metrics row by row, (N,) each."""
        raise NotImplementedError

    def choose_points(self, predictions: NDArray[np.floating]) -> NDArray[np.floating]:
        """The first number."""
        return predictions[:, 0]

    def find_interval(self, predictions: NDArray[np.floating]) -> tuple[Floats, Floats] | None:
        """Lower and upper ends (N,) of the interval that `coverage` is of; None where there is none."""
        del predictions
        return None

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `measure_rows`."""
        from dbx_dl.metrics.estimation import measure_rows

        del settings
        return measure_rows(labels, predictions, self.choose_points(predictions), self.row_values, weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_rows`."""
        from dbx_dl.metrics.estimation import weigh_rows

        return weigh_rows(labels, predictions, self.choose_points(predictions), self.row_values, weights_bn, metrics)


def softplus(values: Floats) -> Floats:
    """log(1 + e^x), by the steps that `add_softplus` takes."""
    import numpy as np

    return np.asarray(np.maximum(values, 0.0) + np.log(1 + np.exp(-np.abs(values))))


def add_softplus(end: GraphEnd, values: str) -> str:
    """The same in a graph, in float64, for which ONNX Runtime has no Softplus."""
    import numpy as np

    shrunk = end.add("Exp", [end.add("Neg", [end.add("Abs", [values])])])
    rest = end.add("Log", [end.add("Add", [shrunk, end.constant(np.float64(1.0))])])
    return end.add("Add", [end.add("Max", [values, end.constant(np.float64(0.0))]), rest])


def pick(end: GraphEnd, values: str, columns: Sequence[int]) -> str:
    """Columns of (N, P)."""
    import numpy as np

    return end.add("Gather", [values, end.constant(np.array(columns, np.int64))], axis=1)

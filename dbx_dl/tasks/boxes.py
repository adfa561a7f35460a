"""Object detection: where in an image objects are, and what they are."""

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

# Numbers of a cell before those of labels: is there an object, where in the cell its middle is, how large it is.
CELL_NUMBERS = 5
# From this probability on two predictions of a cell have to say the same.
CHOICE = 0.5


@dataclass(frozen=True)
class BoxTask(FloatRows, PlainUnits, Unnamed):
    """Labels (N, M, 5) and predictions (N, B, 5 + C) as in `metrics.boxes`, in shares of the image; see `Task`.

    There is a candidate for each of B = rows x columns cells of `grid`, whose middle is in the cell (Redmon et al.
    2016, "You Only Look Once", arXiv:1506.02640, with one box a cell). A logit says whether there is an object,
    sigmoids where in the cell its middle is and how large it is, C logits what it is.
    """

    grid: tuple[int, int] = (1, 1)
    name: TaskName = "boxes"
    network_gives: str = "for each cell of the image whether, where and how large an object is, and a logit per label"
    scoring_returns: str = "boxes with label and probability"
    label_kind: LabelKind = "boxes"
    output_kind: OutputKind = "boxes"
    losses: tuple[str, ...] = ("detection",)
    metrics: tuple[str, ...] = ("map_50", "box_iou")
    default_metric: str = "map_50"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """5 numbers and a logit for each label, for every cell."""
        return self.num_cells * (CELL_NUMBERS + len(target.label_names))

    @property
    def num_cells(self) -> int:
        """Rows x columns."""
        return self.grid[0] * self.grid[1]

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """A candidate (5 + C) for each cell."""
        return (self.num_cells, CELL_NUMBERS + len(target.label_names))

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Candidates of the cells, row by row."""
        import numpy as np

        from dbx_dl.metrics import sigmoid, softmax

        del settings
        rows, columns = self.grid
        cells = outputs.astype(np.float64).reshape(len(outputs), self.num_cells, -1)
        sizes = sigmoid(cells[..., 3:5])
        middles = (list_cells(rows, columns) + sigmoid(cells[..., 1:3])) / (columns, rows)
        labels = softmax(cells[..., CELL_NUMBERS:].reshape(-1, cells.shape[2] - CELL_NUMBERS))
        parts = (sigmoid(cells[..., :1]), middles - sizes / 2, sizes, labels.reshape(*cells.shape[:2], -1))
        return np.concatenate(parts, axis=2)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `box_metrics`."""
        from dbx_dl.metrics.boxes import box_metrics

        del settings
        return box_metrics(labels, predictions, weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_boxes`."""
        from dbx_dl.metrics.boxes import weigh_boxes

        return weigh_boxes(labels, predictions, weights_bn, metrics)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """Candidates that overlap a true box of their label become likelier and nearer to it, others less likely."""
        import numpy as np

        from dbx_dl.metrics.boxes import FOUND_OVERLAP, overlap

        del settings
        moved = predictions.astype(np.float64)
        for row, truth in enumerate(labels):
            chosen = moved[row, :, CELL_NUMBERS:].argmax(axis=1)
            overlaps = overlap(moved[row, :, 1:5], truth[:, 1:]) * (chosen[:, None] == truth[:, 0])
            is_right = overlaps.max(axis=1) >= FOUND_OVERLAP - 4 * abs(distance)
            gaps = truth[overlaps.argmax(axis=1), 1:] - moved[row, :, 1:5]
            steps = np.clip(gaps, -abs(distance), abs(distance)) * np.sign(distance)
            moved[row, :, 1:5] += steps * is_right[:, None]
            moved[row, :, 0] += np.where(is_right, distance, -distance)
        moved[..., 0] = np.clip(moved[..., 0], 0, 1)
        return moved

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The same cells have an object that is there rather than not, with the same label."""
        import numpy as np

        chosen = [np.where(p[..., 0] >= CHOICE, p[..., CELL_NUMBERS:].argmax(axis=2), -1) for p in (found, expected)]
        return np.asarray((chosen[0] == chosen[1]).all(axis=1))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """Candidates of the cells float32 (N, B, 5 + C)."""
        import numpy as np

        del settings
        rows, columns = self.grid
        cells = end.add("Reshape", [logits, end.constant(np.array([0, self.num_cells, -1]))])

        def cut(start: int, stop: int) -> str:
            return end.add("Slice", [cells, *(end.constant(np.array([place])) for place in (start, stop, 2))])

        sizes = end.add("Sigmoid", [cut(3, 5)])
        offsets = end.constant(list_cells(rows, columns).astype(np.float32)[None])
        places = end.add("Add", [end.add("Sigmoid", [cut(1, 3)]), offsets])
        middles = end.add("Div", [places, end.constant(np.array([columns, rows], np.float32))])
        corners = end.add("Sub", [middles, end.add("Mul", [sizes, end.constant(np.array(0.5, np.float32))])])
        labels = end.add("Softmax", [cut(CELL_NUMBERS, 2**31)], axis=2)
        end.add("Concat", [end.add("Sigmoid", [cut(0, 1)]), corners, sizes, labels], output, axis=2)


def list_cells(rows: int, columns: int) -> Floats:
    """Column and row (B, 2) of every cell, row by row."""
    import numpy as np

    return np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=2).reshape(-1, 2).astype(np.float64)

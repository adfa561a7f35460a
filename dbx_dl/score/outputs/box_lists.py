"""Candidates for boxes become lists of the boxes that are kept, and back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.score.inputs.arrow_lists import as_lists, as_structs
from dbx_dl.score.outputs.kind import OneColumn, WithoutChoices

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import Target

BOX_NUMBERS = ("probability", "x", "y", "width", "height")
# The SQL type of the boxes of a row.
BOX_LISTS = f"array<struct<label:string,{','.join(f'{name}:double' for name in BOX_NUMBERS)}>>"


@dataclass(frozen=True)
class BoxLists:
    """An output float32 (N, B, 5 + C) of candidates (see `metrics.boxes`): a field with the boxes that are kept.

    Likely ones come first; x and y are of the left upper corner. All are shares of the image as the model gets it.
    """

    output: str
    labels: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """The one field."""
        return {"boxes": BOX_LISTS}

    def build(self, values: np.ndarray, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The field of rows (N, B, 5 + C)."""
        import numpy as np
        import pyarrow as pa

        from dbx_dl.metrics.boxes import keep_boxes

        del wanted
        kept = keep_boxes(values)
        columns = [kept.probabilities, *kept.boxes.T]
        labels = pa.array(self.labels, pa.string()).take(pa.array(kept.labels))
        numbers = {
            name: pa.array(np.ascontiguousarray(column)) for name, column in zip(BOX_NUMBERS, columns, strict=True)
        }
        offsets = np.searchsorted(kept.rows, np.arange(len(values) + 1))
        return {"boxes": as_lists(as_structs({"label": labels, **numbers}), offsets)}

    def no_rows(self) -> np.ndarray:
        """An array without rows."""
        import numpy as np

        return np.empty((0, 1, 5 + len(self.labels)), np.float32)


class BoxKind(WithoutChoices, OneColumn):
    """Candidates for boxes (N, B, 5 + C)."""

    what = "boxes"
    column = "boxes"

    def make(self, output: str, target: Target) -> BoxLists:
        """The field `boxes`."""
        return BoxLists(output, target.label_names)

    def read(self, predictions: pa.Table, target: Target) -> np.ndarray:
        """Candidates that are kept as those boxes are."""
        return read_boxes(predictions.column(self.column), target.label_names)


def read_boxes(column: pa.ChunkedArray, labels: tuple[str, ...]) -> np.ndarray:
    """Candidates float64 (N, B, 5 + C) that are kept as the boxes of a field are; B is the most boxes of a row."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from dbx_dl.transforms.arrow_values import list_owners

    boxes: Any = column.combine_chunks()
    rows, values = list_owners(boxes), pc.list_flatten(boxes)
    counts = np.bincount(rows, minlength=len(boxes))
    candidates = np.zeros((len(boxes), int(counts.max(initial=0)), 5 + len(labels)))
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    classes = pc.index_in(pc.struct_field(values, "label"), value_set=pa.array(labels, pa.string())).to_numpy()
    numbers = [pc.struct_field(values, name).to_numpy(zero_copy_only=False) for name in BOX_NUMBERS]
    candidates[rows, places, :5] = np.stack(numbers, axis=1)
    candidates[rows, places, 5 + classes] = 1
    return candidates

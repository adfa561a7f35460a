"""Probabilities by step become a label for each step of a row, as many as the row has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.score.inputs.arrow_lists import as_lists, to_nested_lists
from dbx_dl.score.outputs.kind import OneColumn, WithoutChoices

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import Target


@dataclass(frozen=True)
class FrameLabels:
    """An output of probabilities (N, T, C), zeros where a row has no step.

    Fields, an entry for each step: labels array<string>, probabilities array<float> of these, and frames
    array<array<float>>, those of all classes.
    """

    output: str
    labels: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field, in order."""
        return {"labels": "array<string>", "probabilities": "array<float>", "frames": "array<array<float>>"}

    def build(self, values: NDArray[np.float32], wanted: Collection[str]) -> dict[str, pa.Array]:
        """The fields of rows (N, T, C)."""
        import numpy as np
        import pyarrow as pa

        del wanted
        is_step_nt = values.sum(axis=2) > 0
        steps_mc = values[is_step_nt]
        offsets = np.concatenate([[0], np.cumsum(is_step_nt.sum(axis=1))])
        best = steps_mc.argmax(axis=1) if len(steps_mc) else np.empty(0, np.int64)
        arrays = {
            "labels": pa.array(self.labels, pa.string()).take(pa.array(best)),
            "probabilities": pa.array(steps_mc[np.arange(len(best)), best].astype(np.float32)),
            "frames": to_nested_lists(steps_mc.astype(np.float32)),
        }
        return {name: as_lists(array, offsets) for name, array in arrays.items()}

    def no_rows(self) -> np.ndarray:
        """Probabilities without rows."""
        import numpy as np

        return np.empty((0, 1, len(self.labels)), np.float32)


class FrameKind(WithoutChoices, OneColumn):
    """Probabilities by step (N, T, C), zeros where a row has none."""

    what = "steps, not rows"
    column = "frames"

    def make(self, output: str, target: Target) -> FrameLabels:
        """The fields `labels`, `probabilities` and `frames`."""
        return FrameLabels(output, target.label_names)

    def read(self, predictions: pa.Table, target: Target) -> np.ndarray:
        """(N, T, C)."""
        return read_frames(predictions.column(self.column), target.num_frames, len(target.label_names))


def read_frames(column: pa.ChunkedArray, num_frames: int, num_classes: int) -> NDArray[np.float32]:
    """Probabilities (N, T, C) of the field `frames`, zeros where a row has no step; further steps are left out."""
    import numpy as np
    import pyarrow.compute as pc

    rows = column.combine_chunks()
    lengths = pc.list_value_length(rows).to_numpy(zero_copy_only=False)
    found = np.zeros((len(rows), num_frames, num_classes), np.float32)
    flat_mc = rows.flatten().flatten().to_numpy(zero_copy_only=False).reshape(-1, num_classes)
    is_kept = np.arange(len(flat_mc)) - np.repeat(np.cumsum(lengths) - lengths, lengths) < num_frames
    found[np.arange(num_frames) < lengths[:, None]] = flat_mc[is_kept]
    return found

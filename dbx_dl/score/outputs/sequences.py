"""A sequence of tensors as a field: of each row its entry, or a list of its slices of all tensors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.score.inputs.arrow_lists import as_lists, to_nested_lists, to_ragged_lists, to_values
from dbx_dl.score.model.description import SQL_TYPES

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class SequenceOutput:
    """A sequence whose entries are of the rows, in their order, or whose tensors each have a slice for every row.

    With `has_slices`, a row's value is the list of its slices, one of each tensor; tensors may differ in shape.
    Otherwise it is its entry, with all dimensions that this has. `rank` counts the arrays around an element.
    """

    output: str
    field: str
    dtype: str
    rank: int
    has_slices: bool

    @property
    def fields(self) -> dict[str, str]:
        """The one field."""
        return {self.field: "array<" * self.rank + SQL_TYPES[self.dtype] + ">" * self.rank}

    def to_rows(self, tensors: Sequence[np.ndarray], num_rows: int) -> Any:
        """One value for each row: an array (N, …) where all tensors have one shape, else a list.

        DataError when tensors have another number of dimensions or rows than trial runs showed.
        """
        import numpy as np

        shapes = {tensor.shape for tensor in tensors}
        if any(len(shape) != self.rank for shape in shapes):
            self._refuse(shapes, num_rows)
        if not self.has_slices:
            return np.stack(tensors) if len(shapes) == 1 else list(tensors)
        if any(shape[0] != num_rows for shape in shapes):
            self._refuse(shapes, num_rows)
        if len(shapes) == 1:
            return np.stack(tensors, axis=1)
        return list(zip(*tensors, strict=True)) if tensors else [()] * num_rows

    def build(self, values: Any, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The field of rows as `to_rows` gives them."""
        import numpy as np

        del wanted
        if isinstance(values, np.ndarray):
            return {self.field: to_nested_lists(values) if self.rank else to_values(values)}
        if not self.has_slices:
            return {self.field: to_ragged_lists(values, self.rank, self._dtype)}
        slices = [np.asarray(each, self._dtype) for row in values for each in row]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in values], dtype=np.int64)])
        return {self.field: as_lists(to_ragged_lists(slices, self.rank - 1, self._dtype), offsets)}

    def no_rows(self) -> list[Any]:
        """No values."""
        return []

    @property
    def _dtype(self) -> Any:
        return object if self.dtype == "string" else self.dtype

    def _refuse(self, shapes: Collection[tuple[int, ...]], num_rows: int) -> None:
        shown = ", ".join(map(str, sorted(shapes)[:3]))
        raise DataError(
            f"the model's output {self.output!r} has tensors of the shapes {shown} for {num_rows} rows, others than "
            "trial runs showed; leave it out with the option `fields`"
        )

"""Columns of numbers, truths and texts, or of nested arrays of them, become one input of a model."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.score.inputs.bound_rows import BoundRows, merge_bound
from dbx_dl.score.inputs.elements import Missing, element_of, find_problems, to_elements
from dbx_dl.score.inputs.nested_arrays import flatten_rows, list_depth, measure_lengths
from dbx_dl.score.inputs.wants import Want
from dbx_dl.score.model.description import ITEM_BYTES

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Dims = tuple[int | None, ...]


@dataclass(frozen=True)
class TensorBinding:
    """One input of shape (N, *dims): one column, or one column for every element of a row of shape (N, k).

    `missing` says whether nulls and NaN are errors of their rows, or go into inputs of floats as NaN.
    """

    input: str
    dtype: str
    dims: Dims
    columns: tuple[str, ...]
    missing: Missing = "error"

    @property
    def wants(self) -> tuple[Want, ...]:
        """What each of the columns must hold."""
        dims = () if len(self.columns) > 1 or self.dims == (1,) else self.dims
        return tuple(Want(name, element_of(self.dtype), dims) for name in self.columns)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row; a free length counts as 1."""
        return ITEM_BYTES.get(self.dtype, 32) * prod(dim or 1 for dim in self.dims)

    def bind(self, batch: pa.RecordBatch) -> BoundRows:
        """The input of the rows that fit, and the reason of the others; DataError when a column's type cannot."""
        if len(self.columns) == 1:
            return self._bind_column(take_column(batch, self.columns[0]), self.columns[0])
        return self._pack(batch)

    def measure_rows(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """Lengths of free dimensions by row; None where none is free."""
        return None if None not in self.dims else measure_lengths(take_column(batch, self.columns[0]), self.dims)

    def _bind_column(self, column: pa.Array, name: str) -> BoundRows:
        import numpy as np

        if self.dims in ((), (1,)) and list_depth(column.type) == 0:
            return self._bind_elements(column, np.arange(len(column)), {}, name, (len(column), *self.dims))
        if not self.dims or list_depth(column.type) == 0:
            raise DataError(f"column {name!r} holds {column.type}, but the model takes {self.wants[0].text} there")
        flat = flatten_rows(column, name, self.dims)
        return self._bind_elements(flat.elements, flat.rows, flat.errors, name, (len(flat.rows), *flat.dims))

    def _bind_elements(
        self, array: pa.Array, rows: np.ndarray, errors: dict[int, str], name: str, shape: tuple[int, ...]
    ) -> BoundRows:
        import numpy as np

        elements = to_elements(array, name, self.dtype)
        values = elements.reshape(shape)
        is_good = np.ones(len(rows), bool)
        for is_bad, reason in find_problems(array, elements, self.missing):
            is_bad_row = is_bad.reshape(len(rows), -1).any(axis=1) & is_good
            errors |= {int(row): reason.format(name) for row in rows[is_bad_row]}
            is_good &= ~is_bad_row
        if is_good.all():
            return BoundRows({self.input: values}, rows, errors)
        return BoundRows({self.input: values[is_good]}, rows[is_good], errors)

    def _pack(self, batch: pa.RecordBatch) -> BoundRows:
        """One column for every element of a row, side by side."""
        import numpy as np

        parts = []
        for name in self.columns:
            one = TensorBinding(name, self.dtype, (), (name,), self.missing)
            parts.append(one.bind(batch))
        bound = merge_bound(parts, batch.num_rows)
        packed = np.empty((len(bound.rows), len(self.columns)), object if self.dtype == "string" else self.dtype)
        for place, name in enumerate(self.columns):
            packed[:, place] = bound.inputs[name]
        shape = (len(packed), *(dim or -1 for dim in self.dims))
        return BoundRows({self.input: packed.reshape(shape)}, bound.rows, bound.errors)


def take_column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of a batch, decoded; DataError when it is absent."""
    import pyarrow.types as types

    place = batch.schema.get_field_index(name)
    if place < 0:
        raise DataError(f"the model takes {name!r}, which the rows do not have; they have {batch.schema.names}")
    column = batch.column(place)
    return column.dictionary_decode() if types.is_dictionary(column.type) else column

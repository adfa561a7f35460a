"""Rows that a model can take as arrays, and what binds columns to its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.score.inputs.wants import Want


@dataclass(frozen=True)
class BoundRows:
    """The rows of a batch that a model can take.

    `inputs` holds arrays of len(rows) rows by input name, `rows` int64 their positions in the batch, `errors` the
    reason for every other position.
    """

    inputs: dict[str, np.ndarray]
    rows: np.ndarray
    errors: dict[int, str]


class Binding(Protocol):
    """How some raw columns become some of a model's inputs."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the raw columns, in the order in which they are given by position."""

    @property
    def wants(self) -> tuple[Want, ...]:
        """What each of the columns must hold."""

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in the model's inputs, about."""

    def bind(self, batch: pa.RecordBatch) -> BoundRows:
        """The input arrays of a batch that has the columns.

        DataError when a column is absent or its type can never fit; a value that does not fit costs its row only.
        """

    def measure_rows(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """Lengths int64 (N, L) of what the model leaves free; rows of equal lengths can go together (None: all)."""


def merge_bound(parts: Sequence[BoundRows], num_rows: int) -> BoundRows:
    """One value of several bindings of the same batch: the rows that all could bind, the first reason of others."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    inputs = {name: array for part in parts for name, array in part.inputs.items()}
    errors = {row: text for part in reversed(parts) for row, text in part.errors.items()}
    if not errors:
        return BoundRows(inputs, np.arange(num_rows), {})
    is_bound = np.ones(num_rows, bool)
    is_bound[list(errors)] = False
    rows = np.flatnonzero(is_bound)
    kept = {name: array[is_bound[part.rows]] for part in parts for name, array in part.inputs.items()}
    return BoundRows(kept, rows, errors)

"""Arrow columns become a model's input arrays; rows that cannot are set aside with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.score.inputs.bound_rows import Binding, BoundRows, merge_bound
from dbx_dl.score.model.own_models import bind_own
from dbx_dl.score.model.plan import ScorePlan

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec


def count_batch_rows(inputs: InputSpec | ScorePlan) -> int:
    """Rows that go through the model at once: bounded by number, and by bytes of its inputs."""
    plan = inputs if isinstance(inputs, ScorePlan) else ScorePlan((bind_own(inputs),), ())
    return plan.max_rows


def name_arrays(arrays: Sequence[pa.Array], names: Sequence[str]) -> pa.RecordBatch:
    """The columns of a call with the model's names: by position, or by field name of a single struct column.

    A null struct counts as a row of nulls. DataError when number, names or types of the columns do not fit.
    """
    import pyarrow as pa

    if len(arrays) == 1 and pa.types.is_struct(arrays[0].type):
        struct = arrays[0]
        return pa.RecordBatch.from_arrays(struct.flatten(), names=[field.name for field in struct.type])
    if len(arrays) != len(names):
        raise DataError(f"the model takes {len(names)} columns ({', '.join(names)}), {len(arrays)} were given")
    return pa.RecordBatch.from_arrays(list(arrays), names=list(names))


def input_columns(inputs: InputSpec) -> tuple[str, ...]:
    """Names of the raw columns that a model takes, in its order."""
    return inputs.columns


def bind_rows(batch: pa.RecordBatch, inputs: InputSpec) -> BoundRows:
    """The input arrays of a model of dbx_dl for a batch whose columns have the model's names.

    Images: null and undecodable bytes become errors. Tables: nulls are legal, the model fills them.
    """
    return bind_own(inputs).bind(batch)


def bind_groups(batch: pa.RecordBatch, plan: ScorePlan) -> list[BoundRows]:
    """A model's input arrays for a batch whose columns have the model's names.

    Rows that differ in the lengths that the model leaves free are in groups of their own, each with the rows'
    positions in the batch.
    """
    import pyarrow as pa

    groups = _group_rows(batch, plan.bindings)
    if len(groups) <= 1:
        return [merge_bound([binding.bind(batch) for binding in plan.bindings], batch.num_rows)]
    found = []
    for rows in groups:
        part = batch.take(pa.array(rows))
        bound = merge_bound([binding.bind(part) for binding in plan.bindings], len(rows))
        errors = {int(rows[row]): text for row, text in bound.errors.items()}
        found.append(replace(bound, rows=rows[bound.rows], errors=errors))
    return found


def _group_rows(batch: pa.RecordBatch, bindings: Sequence[Binding]) -> list[np.ndarray]:
    """Positions of the rows of equal lengths, group by group; none when all rows can go together."""
    import numpy as np

    lengths = [found for binding in bindings if (found := binding.measure_rows(batch)) is not None]
    if not lengths:
        return []
    _, groups = np.unique(np.concatenate(lengths, axis=1), axis=0, return_inverse=True)
    groups = groups.reshape(-1)
    return [np.flatnonzero(groups == group) for group in range(int(groups.max(initial=-1)) + 1)]

"""What runs in a Spark Python worker: batches of columns in, structs of explanations out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError, DataError, DbxDlError
from dbx_dl.explain.arrow_streams import read_stream
from dbx_dl.explain.explained import to_structs
from dbx_dl.explain.local.columns import explain_columns
from dbx_dl.explain.local.images import bind_pixels, explain_pixels
from dbx_dl.explain.local.networks import explain_by_gradients
from dbx_dl.explain.local.opened import Explain, OpenedModel
from dbx_dl.explain.local.tokens import explain_parts
from dbx_dl.explain.scores import RowScorer, find_scores
from dbx_dl.score.inputs.binding import bind_groups, name_arrays
from dbx_dl.score.inputs.image_binding import ImageBinding
from dbx_dl.score.inputs.pandas_columns import read_from_text
from dbx_dl.score.model.batch_sizes import cut_evenly
from dbx_dl.score.model.plan import MAX_BATCH_ROWS
from dbx_dl.score.model.shipping import find_file
from dbx_dl.score.predictions import cut_pieces
from dbx_dl.score.worker import ShippedModel, to_arrow, to_pandas

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.config import ExplainOptions, MethodName
    from dbx_dl.contracts import StoredNetwork
    from dbx_dl.explain.explained import Placed
    from dbx_dl.score.inputs.bound_rows import BoundRows
    from dbx_dl.score.model.plan import ScorePlan

METHODS: dict[MethodName, Explain] = {
    "occlusion": explain_pixels,
    "shapley": explain_columns,
    "leave_out": explain_parts,
    "integrated_gradients": explain_by_gradients,
    "grad_cam": explain_by_gradients,
}
_MAX_REASON = 300


@dataclass(frozen=True)
class ShippedExplainer:
    """Which model a worker explains, by which method; `background` are raw rows as an Arrow stream.

    `weights` is the name under which the network's weights are shipped, or their path on this machine.
    """

    model: ShippedModel
    options: ExplainOptions
    background: bytes | None = None
    network: StoredNetwork | None = None
    weights: str | None = None

    def open(self, num_columns: int = 1) -> OpenedModel:
        """What explains rows of so many columns in this worker; errors as of `ShippedModel.open`."""
        given = self.model.open()
        plan = given.plan.for_columns(num_columns)
        session = given.with_plan(plan)
        is_image = len(plan.bindings) == 1 and isinstance(plan.bindings[0], ImageBinding)
        scores = find_scores(plan, self.options.label, "to explain")
        weights = self.weights
        return OpenedModel(
            session=session,
            plan=bind_pixels(plan) if is_image else plan,
            scores=scores,
            scorer=RowScorer(session, scores),
            options=self.options,
            inputs=session.metadata.inputs if session.is_own else None,
            background=None if self.background is None else bind_background(self.background, given.plan),
            network=self.network,
            weights=None if weights is None else Path(weights if Path(weights).is_absolute() else find_file(weights)),
        )


def bind_background(stream: bytes, plan: Any) -> dict[str, NDArray[Any]]:
    """Input arrays of the raw rows of an Arrow stream, without those that cannot be bound.

    A single input (N, k) may be k columns there, named as `ScorePlan.for_columns` does.
    """
    import numpy as np

    groups = [
        group for batch in read_stream(stream) for group in bind_groups(batch, plan.for_columns(batch.num_columns))
    ]
    if not groups:
        return {}
    # Rows are bound in groups of about one length, and come back in their own order.
    order = np.argsort(np.concatenate([group.rows for group in groups]), kind="stable")
    return {name: np.concatenate([group.inputs[name] for group in groups])[order] for name in groups[0].inputs}


def explain_arrays(
    batches: Iterable[pa.Array | tuple[pa.Array, ...]], explainer: ShippedExplainer
) -> Iterator[pa.StructArray]:
    """Explanations of Arrow columns: as many rows as went in, with an error for those that have none."""
    columns = ([*arrays] if isinstance(arrays, tuple) else [arrays] for arrays in batches)
    yield from _explain_columns(columns, explainer, lambda batch, _: batch)


def explain_series(batches: Iterable[Any], explainer: ShippedExplainer) -> Iterator[pd.DataFrame]:
    """Explanations of pandas Series (a struct comes as a DataFrame), equal to those of `explain_arrays`."""
    columns = ([to_arrow(each) for each in (series if isinstance(series, tuple) else [series])] for series in batches)
    for structs in _explain_columns(columns, explainer, read_from_text):
        yield to_pandas(structs)


def _explain_columns(
    batches: Iterable[list[pa.Array]],
    explainer: ShippedExplainer,
    read: Callable[[pa.RecordBatch, ScorePlan], pa.RecordBatch],
) -> Iterator[pa.StructArray]:
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        return
    opened = explainer.open(len(first))
    plan = opened.session.plan
    named = (read(name_arrays(columns, plan.columns), plan) for columns in chain([first], batches))
    for batch in gather_batches(named, plan) if opened.network is not None else named:
        yield from explain_batch(opened, batch)


def gather_batches(batches: Iterable[pa.RecordBatch], plan: ScorePlan) -> Iterator[pa.RecordBatch]:
    """The rows in fewer batches, of about as many rows, or bytes, as go to a network's process at once."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        num_rows, num_bytes = (sum(getattr(each, name) for each in waiting) for name in ("num_rows", "nbytes"))
        if num_rows >= plan.bound_rows(MAX_BATCH_ROWS) or num_bytes >= plan.batch_bytes:
            yield _join(waiting)
            waiting = []
    if waiting:
        yield _join(waiting)


def _join(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch with the rows of all; `pyarrow.concat_batches` is there from pyarrow 19 on alone."""
    import pyarrow as pa

    table = pa.Table.from_batches(batches).combine_chunks()
    return next(iter(table.to_batches()), batches[0])


def count_rows_at_once(plan: ScorePlan, batch: pa.RecordBatch) -> int:
    """Rows that go to a network's process at once: each start of it costs seconds, so many, but of bounded bytes."""
    return min(plan.bound_rows(MAX_BATCH_ROWS), plan.limit_rows(batch))


def _cut(opened: OpenedModel, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if opened.network is None:
        yield from cut_pieces(opened.session, [batch])
        return
    most, start = count_rows_at_once(opened.session.plan, batch), 0
    while start < batch.num_rows:
        size = cut_evenly(batch.num_rows - start, most)
        yield batch.slice(start, size)
        start += size


def explain_batch(opened: OpenedModel, batch: pa.RecordBatch) -> Iterator[pa.StructArray]:
    """Explanations of raw rows whose columns have the model's names, in pieces of bounded memory."""
    for piece in _cut(opened, batch):
        groups: list[Placed] = []
        errors: dict[int, str] = {}
        for bound in bind_groups(piece, opened.plan):
            errors |= bound.errors
            if len(bound.rows):
                found, failed = _explain(opened, piece, bound)
                groups += found
                errors |= failed
        yield to_structs(groups, errors, piece.num_rows, opened.options.top_k)


def _explain(opened: OpenedModel, batch: pa.RecordBatch, bound: BoundRows) -> tuple[list[Placed], dict[int, str]]:
    """Explanations by position; where the model fails on rows, each half is tried, down to the row."""
    import pyarrow as pa

    method = opened.options.method
    assert method is not None
    try:
        rows = batch.take(pa.array(bound.rows))
        return [(bound.rows, METHODS[method](opened, rows, bound.inputs))], {}
    except ConfigError as error:  # of a worker's errors Spark's driver tells those of data
        raise DataError(str(error)) from None
    except DbxDlError:
        raise
    except Exception as error:
        if len(bound.rows) == 1:
            return [], {int(bound.rows[0]): f"failed: {' '.join(str(error).split())[:_MAX_REASON]}"}
    middle = len(bound.rows) // 2
    first, second = (_explain(opened, batch, _take(bound, part)) for part in (slice(middle), slice(middle, None)))
    return first[0] + second[0], first[1] | second[1]


def _take(bound: BoundRows, part: slice) -> BoundRows:
    inputs: Mapping[str, Any] = {name: array[part] for name, array in bound.inputs.items()}
    return replace(bound, inputs=dict(inputs), rows=bound.rows[part], errors={})

"""Raw Arrow rows through a model to prediction structs: what every way of scoring calls."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dbx_dl.score.inputs.binding import bind_groups, bind_rows, count_batch_rows
from dbx_dl.score.model.batch_sizes import cut_evenly
from dbx_dl.score.running import NOT_FINITE, run_rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import OutputKind
    from dbx_dl.score.inputs.bound_rows import BoundRows
    from dbx_dl.score.model.session import ModelSession


def predict_structs(session: ModelSession, batch: pa.RecordBatch) -> Iterator[pa.StructArray]:
    """Predictions of raw rows whose columns have the model's names, in order, in chunks of bounded memory.

    Each struct has the fields of the session's plan; either all but `error` are null or `error` is. A row that cannot
    be bound, or on which the model fails, costs no other row its prediction.
    """
    yield from predict_batches(session, [batch])


def predict_batches(session: ModelSession, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.StructArray]:
    """`predict_structs` of one batch after the other; images are decoded one chunk ahead of the model."""
    pieces = cut_pieces(session, batches)
    if not session.plan.is_slow_to_bind:
        for piece in pieces:
            started = time.perf_counter()
            yield _predict(session, bind_groups(piece, session.plan), piece.num_rows, started)
        return
    with ThreadPoolExecutor(1) as ahead:
        waiting: list[tuple[Any, int]] = []
        for piece in pieces:
            waiting.append((ahead.submit(bind_groups, piece, session.plan), piece.num_rows))
            if len(waiting) > 1:
                yield _finish(session, *waiting.pop(0))
        for bound, num_rows in waiting:
            yield _finish(session, bound, num_rows)


def _finish(session: ModelSession, bound: Future[list[BoundRows]], num_rows: int) -> pa.StructArray:
    groups = bound.result()
    return _predict(session, groups, num_rows, time.perf_counter())


def cut_pieces(session: ModelSession, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pieces of the batches, of as many rows as go through the model at once."""
    plan = session.plan
    for batch in batches:
        most = plan.limit_rows(batch)
        start = 0
        while start < batch.num_rows:
            if session.sizer is None:
                num_rows = min(most, count_batch_rows(plan))
            else:
                num_rows = cut_evenly(batch.num_rows - start, min(most, session.sizer.next_size()))
            yield batch.slice(start, num_rows)
            start += num_rows


def _predict(session: ModelSession, groups: list[BoundRows], num_rows: int, started: float) -> pa.StructArray:
    """The structs of bound rows; `started` is when work on them began that no other thread does."""
    outputs: list[tuple[np.ndarray, dict[str, Any]]] = []
    errors: dict[int, str] = {}
    for bound in groups:
        errors |= bound.errors
        if len(bound.rows):
            run = run_rows(session, bound.inputs, len(bound.rows))
            errors |= {int(bound.rows[place]): text for place, text in run.errors.items()}
            if len(run.places):
                outputs.append((bound.rows[run.places], run.outputs))
    structs = session.plan.to_structs(outputs, errors, num_rows)
    if session.sizer is not None:
        num_bytes = sum(getattr(values, "nbytes", 0) for _, found in outputs for values in found.values())
        session.sizer.record(num_rows, time.perf_counter() - started, num_bytes)
    return structs


def predict_rows(session: ModelSession, batch: pa.RecordBatch) -> tuple[dict[OutputKind, np.ndarray], dict[int, str]]:
    """The outputs (N, …) of a model of dbx_dl, NaN in failed rows, and the reason of each failed row by position.

    The whole batch goes through the model at once.
    """
    import numpy as np

    bound = bind_rows(batch, session.metadata.inputs)
    outputs, errors = session.empty_outputs(batch.num_rows), dict(bound.errors)
    if len(bound.rows):
        for kind, values in session.predict_all(bound.inputs).items():
            outputs[kind][bound.rows] = values
    is_finite_n = np.ones(batch.num_rows, bool)
    for values in outputs.values():
        is_finite_n &= np.isfinite(values.reshape(batch.num_rows, -1)).all(axis=1)
    for row in bound.rows[~is_finite_n[bound.rows]].tolist():
        errors[row] = NOT_FINITE
    return outputs, errors

"""Raw Arrow rows through a model to prediction structs: what every way of scoring calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dbx_dl.score.binding import bind_groups, bind_rows, count_batch_rows
from dbx_dl.score.running import run_rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import OutputKind
    from dbx_dl.score.bound_rows import BoundRows
    from dbx_dl.score.session import ModelSession


def predict_structs(session: ModelSession, batch: pa.RecordBatch) -> Iterator[pa.StructArray]:
    """Predictions of raw rows whose columns have the model's names, in order, in chunks of bounded memory.

    Each struct has the fields of the session's plan; either all but `error` are null or `error` is. A row that cannot
    be bound, or on which the model fails, costs no other row its prediction.
    """
    yield from predict_batches(session, [batch])


def predict_batches(session: ModelSession, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.StructArray]:
    """`predict_structs` of one batch after the other; images are decoded one chunk ahead of the model."""
    pieces = _cut(session, batches)
    if not session.plan.is_slow_to_bind:
        for piece in pieces:
            yield _predict(session, bind_groups(piece, session.plan), piece.num_rows)
        return
    with ThreadPoolExecutor(1) as ahead:
        waiting: list[tuple[Any, int]] = []
        for piece in pieces:
            waiting.append((ahead.submit(bind_groups, piece, session.plan), piece.num_rows))
            if len(waiting) > 1:
                bound, num_rows = waiting.pop(0)
                yield _predict(session, bound.result(), num_rows)
        for bound, num_rows in waiting:
            yield _predict(session, bound.result(), num_rows)


def _cut(session: ModelSession, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            num_rows = count_batch_rows(session.plan)
            yield batch.slice(start, num_rows)
            start += num_rows


def _predict(session: ModelSession, groups: list[BoundRows], num_rows: int) -> pa.StructArray:
    outputs: list[tuple[np.ndarray, dict[str, Any]]] = []
    errors: dict[int, str] = {}
    for bound in groups:
        errors |= bound.errors
        if len(bound.rows):
            run = run_rows(session, bound.inputs, len(bound.rows))
            errors |= {int(bound.rows[place]): text for place, text in run.errors.items()}
            if len(run.places):
                outputs.append((bound.rows[run.places], run.outputs))
    return session.plan.to_structs(outputs, errors, num_rows)


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
        errors[row] = "not_finite: the model's output is not a finite number"
    return outputs, errors

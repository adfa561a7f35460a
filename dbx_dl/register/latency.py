"""How long models take on this machine: the same raw rows through each of them in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TYPE_CHECKING

from dbx_dl.contracts import Latency
from dbx_dl.feed.rows import read_rows
from dbx_dl.score.inputs.binding import input_columns
from dbx_dl.score.predictions import predict_structs

if TYPE_CHECKING:
    import pyarrow as pa

    from dbx_dl.contracts import PreparedTable
    from dbx_dl.score.model.session import ModelSession

_NUM_ROWS, _NUM_CALLS = 128, 8
_MAX_ROUNDS, _SECONDS_PER_MODEL = 7, 1.0


def measure_latency(sessions: Mapping[int, ModelSession], prepared: PreparedTable) -> dict[int, Latency]:
    """Milliseconds of the first test rows from raw columns to prediction structs, decoding and binding included.

    The models take turns in every round, so that what else the machine does meets all of them; the median over at
    most 7 rounds of about a second a model counts, after one call that warms up. In one thread, as ONNX Runtime works
    for a Spark task.
    """
    rows = read_rows(prepared, "test", _NUM_ROWS).select(list(input_columns(prepared.inputs))).combine_chunks()
    batch = rows.to_batches()[0]
    single = batch.slice(0, 1)
    by_batch: dict[int, list[float]] = {model: [] for model in sessions}
    by_call: dict[int, list[float]] = {model: [] for model in sessions}
    for session in sessions.values():
        _predict(session, single)
    started = time.perf_counter()
    for _ in range(_MAX_ROUNDS):
        for model, session in sessions.items():
            by_batch[model].append(_time(lambda s=session: _predict(s, batch)) / batch.num_rows)  # type: ignore[misc]
            calls = [_time(lambda s=session: _predict(s, single)) for _ in range(_NUM_CALLS)]  # type: ignore[misc]
            by_call[model].append(median(calls))
        if time.perf_counter() - started > _SECONDS_PER_MODEL * len(sessions):
            break
    return {
        model: Latency(ms_per_row=1e3 * median(by_batch[model]), ms_per_call=1e3 * median(by_call[model]))
        for model in sessions
    }


def _predict(session: ModelSession, batch: pa.RecordBatch) -> None:
    for _ in predict_structs(session, batch):
        pass


def _time(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

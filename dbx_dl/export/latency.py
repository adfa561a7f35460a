"""How long one call of a file takes."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from dbx_dl.score.inputs.binding import bind_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from dbx_dl.score.model.session import ModelSession

BATCH_SIZES = (1, 32)
_MAX_CALLS = 50
_MAX_SECONDS = 0.5


def measure_latency(session: ModelSession, rows: pa.RecordBatch) -> dict[int, float]:
    """Milliseconds per call by batch size, the median of calls on one core; decoding and reading are not in it.

    Rows are repeated where there are fewer.
    """
    return {size: _time_calls(session, rows, size) for size in BATCH_SIZES}


def _time_calls(session: ModelSession, rows: pa.RecordBatch, size: int) -> float:
    import numpy as np
    import pyarrow as pa

    inputs = bind_rows(rows.take(pa.array(np.arange(size) % rows.num_rows)), session.metadata.inputs).inputs
    session.predict_all(inputs)
    seconds: list[float] = []
    while len(seconds) < _MAX_CALLS and sum(seconds) < _MAX_SECONDS:
        started = time.perf_counter()
        session.predict_all(inputs)
        seconds.append(time.perf_counter() - started)
    return 1000 * median(seconds)

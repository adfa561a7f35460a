"""How long one call of a file takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from dbx_dl.score.inputs.binding import bind_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from dbx_dl.score.model.session import ModelSession

BATCH_SIZES = (1, 32)
_MAX_CALLS = 50
_MAX_SECONDS = 0.5


def measure_latency(
    session: ModelSession, rows: pa.RecordBatch, sizes: Sequence[int] = BATCH_SIZES
) -> dict[int, float]:
    """Milliseconds per call by batch size, the median of calls on one core; decoding and reading are not in it.

    Rows are repeated where there are fewer.
    """
    import numpy as np
    import pyarrow as pa

    found = {}
    for size in sizes:
        inputs = bind_rows(rows.take(pa.array(np.arange(size) % rows.num_rows)), session.metadata.inputs).inputs
        found[size] = time_calls(partial(session.predict_all, inputs))
    return found


def time_calls(call: Callable[[], object]) -> float:
    """Milliseconds of a call, the median of some after one that warms up."""
    call()
    seconds: list[float] = []
    while len(seconds) < _MAX_CALLS and sum(seconds) < _MAX_SECONDS:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return 1000 * median(seconds)

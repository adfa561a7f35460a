"""The limit of scoring: bare processes that read files, run ONNX Runtime and write Parquet; and loops made by hand.

What they write is what the scorer predicts: key, label, probability, probabilities. There is no check of anything, no
error column and no lineage.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.score_work import LABELS, Work

LISTS = pa.list_(pa.float32())
RESULT = pa.schema([("id", pa.int64()), ("probabilities", LISTS)])
FILE = pa.schema([("id", pa.int64()), ("label", pa.string()), ("probability", pa.float64()), ("probabilities", LISTS)])
_SESSIONS: dict[str, Any] = {}


def open_bare(path: str) -> Any:
    """A plain session with one thread, kept for the process."""
    if path not in _SESSIONS:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        _SESSIONS[path] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return _SESSIONS[path]


def predict(work: Work, batch: pa.RecordBatch) -> np.ndarray:
    """Probabilities float32 (N, C) of a batch."""
    session = open_bare(work.model)
    starts = range(0, batch.num_rows, work.batch_rows)
    parts = [session.run(["probabilities"], work.bind(batch.slice(start, work.batch_rows)))[0] for start in starts]
    return np.concatenate(parts)


def as_lists(found: np.ndarray) -> pa.Array:
    """Rows of a matrix as lists."""
    offsets = np.arange(0, found.size + 1, found.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(found.reshape(-1)))


def score_file(work: Work, source: str, target: str) -> int:
    """One data file to one result file; the number of rows."""
    num_rows = 0
    labels = pa.array(LABELS, pa.string())
    with pq.ParquetWriter(target, FILE, use_dictionary=["label"]) as writer, pq.ParquetFile(source) as file:
        for batch in file.iter_batches(16 * 4096, columns=["id", *work.columns], use_threads=False):
            found = predict(work, batch)
            best = found.argmax(axis=1)
            columns = [
                labels.take(pa.array(best)),
                found[np.arange(len(found)), best].astype(np.float64),
                as_lists(found),
            ]
            writer.write_batch(pa.RecordBatch.from_arrays([batch.column("id"), *columns], schema=FILE))
            num_rows += batch.num_rows
    return num_rows


def list_files(work: Work) -> list[str]:
    """The table's data files."""
    return sorted(str(path) for path in Path(work.table).glob("*.parquet"))


def map_by_hand(work: Work) -> Any:
    """The function of a hand-written `mapInArrow`: key and probabilities."""

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([batch.column("id"), as_lists(predict(work, batch))], schema=RESULT)

    return score


def pass_through(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """No model: the columns arrive, one float per row goes back."""
    for batch in batches:
        yield pa.RecordBatch.from_arrays([pa.array(np.zeros(batch.num_rows, np.float32))], names=["value"])


def make_predict_function(work: Work) -> Any:
    """What Spark's `predict_batch_udf` takes."""

    def make() -> Any:
        session = open_bare(work.model)

        def predict(*arrays: np.ndarray) -> np.ndarray:
            found: np.ndarray = session.run(["probabilities"], work.bind_arrays(list(arrays)))[0]
            return found

        return name_arguments(predict, len(work.columns))

    return make


def name_arguments(function: Any, number: int) -> Any:
    """The function, which says of itself that it takes so many arguments: Spark counts them."""
    kind = inspect.Parameter.POSITIONAL_ONLY
    function.__signature__ = inspect.Signature([inspect.Parameter(f"a{place}", kind) for place in range(number)])
    return function

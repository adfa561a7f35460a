"""The limit of scoring: bare processes that read files, run ONNX Runtime and write Parquet; and loops made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.score_work import Work

RESULT = pa.schema([("id", pa.int64()), ("probabilities", pa.list_(pa.float32()))])
_SESSIONS: dict[str, Any] = {}


def open_bare(path: str) -> Any:
    """A plain session with one thread, kept for the process."""
    if path not in _SESSIONS:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        _SESSIONS[path] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return _SESSIONS[path]


def predict(work: Work, batch: pa.RecordBatch) -> pa.Array:
    """Probabilities of a batch as lists."""
    session = open_bare(work.model)
    parts = []
    for start in range(0, batch.num_rows, work.batch_rows):
        parts.append(session.run(["probabilities"], work.bind(batch.slice(start, work.batch_rows)))[0])
    found = np.concatenate(parts)
    offsets = np.arange(0, found.size + 1, found.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(found.reshape(-1)))


def score_file(work: Work, source: str, target: str) -> int:
    """One data file to one result file; the number of rows."""
    num_rows = 0
    with pq.ParquetWriter(target, RESULT, use_dictionary=False) as writer, pq.ParquetFile(source) as file:
        for batch in file.iter_batches(16 * 4096, columns=["id", *work.columns], use_threads=False):
            result = pa.RecordBatch.from_arrays([batch.column("id"), predict(work, batch)], schema=RESULT)
            writer.write_batch(result)
            num_rows += batch.num_rows
    return num_rows


def list_files(work: Work) -> list[str]:
    """The table's data files."""
    return sorted(str(path) for path in Path(work.table).glob("*.parquet"))


def map_by_hand(work: Work) -> Any:
    """The function of a hand-written `mapInArrow`: key and probabilities."""

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([batch.column("id"), predict(work, batch)], schema=RESULT)

    return score


def pass_through(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """No model: the columns arrive, one float per row goes back."""
    for batch in batches:
        yield pa.RecordBatch.from_arrays([pa.array(np.zeros(batch.num_rows, np.float32))], names=["value"])


def make_predict_function(work: Work) -> Any:
    """What Spark's `predict_batch_udf` takes."""

    def make() -> Any:
        session = open_bare(work.model)
        return lambda *arrays: session.run(["probabilities"], work.bind_arrays(list(arrays)))[0]

    return make

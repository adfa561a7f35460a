"""Rows as bytes, which travel with a function to Spark's workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def write_stream(rows: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def read_stream(stream: bytes) -> list[pa.RecordBatch]:
    """The rows of a stream, in one batch, or none."""
    import pyarrow as pa

    with pa.ipc.open_stream(stream) as reader:
        batches: list[pa.RecordBatch] = reader.read_all().combine_chunks().to_batches()
    return batches

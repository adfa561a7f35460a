"""Every image file decoded once, on the executors, in Arrow batches: what it is, or why it is not usable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbx_dl.transforms.images import UndecodableImageError, inspect_image

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

CHECKED_SCHEMA = (
    "path string, content binary, height int, width int, channels int, format string, "
    "size_bytes long, sha256 string, reason string, detail string"
)
_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
_BATCH_BYTES = 64 * 1024 * 1024
_MAX_BATCH_BYTES = 1024 * 1024 * 1024
_MAX_BATCH_ROWS = 1000
_MAX_DETAIL = 300


def check_files(files: DataFrame, max_pixels: int, min_side: int) -> DataFrame:
    """Rows of `read_image_files` with the verdict of decoding them (`CHECKED_SCHEMA`).

    Good files have a null `reason`. Rejected ones have a code in `reason`, a sentence in `detail`, and no content,
    sizes or hash. The label is the first folder of the path; a file without one is rejected as `no_label`.
    """
    return files.mapInArrow(_make_checker(max_pixels, min_side), CHECKED_SCHEMA)


@contextmanager
def sized_for_files(spark: SparkSession, mean_bytes: float, max_bytes: int) -> Iterator[None]:
    """Inside the block, Spark's tasks and Arrow batches suit many files of these sizes.

    Arrow batches stay near 64 MB, and far below Arrow's limit of 2 GB. Opening a file counts as 64 KB instead of
    4 MB, or 32 small images would already make a task of their own.
    """
    rows = min(_BATCH_BYTES / max(mean_bytes, 1.0), _MAX_BATCH_BYTES / max(max_bytes, 1), _MAX_BATCH_ROWS)
    ours = {_BATCH_ROWS: str(max(1, int(rows))), "spark.sql.files.openCostInBytes": str(64 * 1024)}
    before = {name: spark.conf.get(name) for name in ours}
    for name, value in ours.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, previous in before.items():
            spark.conf.set(name, str(previous))


def _make_checker(max_pixels: int, min_side: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def check_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = _arrow_schema()
        for batch in batches:
            paths, contents = batch.column("path"), batch.column("content")
            rows = [
                _check_file(path.as_py(), content.as_py(), max_pixels, min_side)
                for path, content in zip(paths, contents, strict=True)
            ]
            yield _to_batch(rows, schema)

    return check_batches


def _check_file(path: str, data: bytes, max_pixels: int, min_side: int) -> dict[str, Any]:
    row: dict[str, Any] = {"path": path, "size_bytes": len(data)}
    if "/" not in path:
        return row | {"reason": "no_label", "detail": "the file lies in no class folder below the source"}
    try:
        info = inspect_image(data, max_pixels, min_side)
    except UndecodableImageError as error:
        return row | {"reason": error.code, "detail": error.detail[:_MAX_DETAIL]}
    sizes = {"height": info.height, "width": info.width, "channels": info.channels, "format": info.format}
    return row | sizes | {"content": data, "sha256": hashlib.sha256(data).hexdigest()}


def _to_batch(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _arrow_schema() -> pa.Schema:
    """CHECKED_SCHEMA in Arrow's types, which must match Spark's to the bit."""
    import pyarrow as pa

    types = {"string": pa.string(), "binary": pa.binary(), "int": pa.int32(), "long": pa.int64()}
    fields = (field.split() for field in CHECKED_SCHEMA.split(", "))
    return pa.schema([(name, types[kind]) for name, kind in fields])

"""Every image file decoded once, on the executors, in Arrow batches: what it is, or why it is not usable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dbx_dl.prepare.outcomes import DETAIL, REASON
from dbx_dl.transforms.images import UndecodableImageError, inspect_image

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

CHECKED_SCHEMA = (
    "path string, content binary, height int, width int, channels int, format string, "
    f"size_bytes long, sha256 string, {REASON} string, {DETAIL} string"
)
_MAX_DETAIL = 300


def check_files(files: DataFrame, max_pixels: int, min_side: int) -> DataFrame:
    """Rows of `read_image_files` with the verdict of decoding them (`CHECKED_SCHEMA`).

    Good files have a null REASON. Rejected ones have a code in REASON, a sentence in DETAIL, and no content,
    sizes or hash. The label is the first folder of the path; a file without one is rejected as `no_label`.
    """
    return files.mapInArrow(make_checker(max_pixels, min_side), CHECKED_SCHEMA)


def make_checker(max_pixels: int, min_side: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that `check_files` runs on the executors: batches of path and content in, CHECKED_SCHEMA out."""

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
        return row | {REASON: "no_label", DETAIL: "the file lies in no class folder below the source"}
    try:
        info = inspect_image(data, max_pixels, min_side)
    except UndecodableImageError as error:
        return row | {REASON: error.code, DETAIL: error.detail[:_MAX_DETAIL]}
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

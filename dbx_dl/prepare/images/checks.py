"""Every file decoded once, on the executors, in Arrow batches and threads: what it is, or why it is not usable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import SetupError
from dbx_dl.prepare.outcomes import DETAIL, REASON
from dbx_dl.transforms.image_measures import hash_image, measure_sharpness
from dbx_dl.transforms.images import (
    OpenedImage,
    convert_mode,
    measure_channels,
    open_image,
    to_model_image,
)
from dbx_dl.transforms.resizing import Encoding, Resize, encode_image, resize_image
from dbx_dl.transforms.undecodable import UndecodableError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

# Measured while an image is decoded and not stored with it; no column of a user has such a name.
SHARPNESS, LOOK = "_sharpness", "_look"
MEASURED_COLUMNS = (SHARPNESS, LOOK)
# What the check of an image adds to a row, or replaces in it.
CHECKED_COLUMNS = (
    "content binary, height int, width int, channels int, format string, size_bytes long, sha256 string, "
    f"pixel_means array<double>, pixel_deviations array<double>, {SHARPNESS} double, {LOOK} long, {REASON} string, "
    f"{DETAIL} string"
)
# What of a found image the checks need, and nobody after them.
CONSUMED_COLUMNS = ("content", "location", "position", "size_bytes", "reason", "detail")
_MAX_DETAIL = 300
_CHUNK_BYTES = 32 * 2**20
_CHUNK_ROWS = 256
_THREADS = 2


class FileCheck(Protocol):
    """What is usable, and what is told of it."""

    @property
    def max_file_bytes(self) -> int:
        """Larger files are not opened."""

    @property
    def columns(self) -> str:
        """Spark's DDL of what a check adds to a row, or replaces in it, REASON and DETAIL last."""

    def describe(self, data: bytes) -> dict[str, Any]:
        """Values of a file's columns but size_bytes; UndecodableError says why it is not usable."""


@dataclass(frozen=True)
class CheckSettings:
    """The check of images; they are stored resized or encoded anew, without an `encoding` the bytes as they came.

    Good images have their upright height and width, the file's own channels, format, size_bytes and sha256, and means
    and deviations per channel of the model's pixels, their SHARPNESS, and LOOK, the hash that similar ones share.
    """

    spec: ImageSpec
    max_file_bytes: int
    resize: Resize | None = None
    encoding: Encoding | None = None
    columns: str = CHECKED_COLUMNS

    def describe(self, data: bytes) -> dict[str, Any]:
        """See `FileCheck`."""
        opened = open_image(data, self.spec.max_pixels, self.spec.min_side)
        image = to_model_image(opened.upright, self.spec)
        means, deviations = measure_channels(image)
        return {
            "content": _encode(opened, data, self),
            "height": opened.info.height,
            "width": opened.info.width,
            "channels": opened.info.channels,
            "format": opened.info.format,
            "sha256": hashlib.sha256(data).hexdigest(),
            "pixel_means": means,
            "pixel_deviations": deviations,
            SHARPNESS: measure_sharpness(image),
            LOOK: hash_image(image),
        }


def check_files(found: DataFrame, check: FileCheck) -> DataFrame:
    """Found files (see `sources`) with their bytes and the verdict of decoding them (`FileCheck.columns`).

    Good ones have a null REASON. Rejected ones have a code in REASON, a sentence in DETAIL, and no content. Rows that
    were found with a `reason` are not opened.
    """
    from pyspark.sql.types import StructType

    kept = [field for field in found.schema.fields if field.name not in CONSUMED_COLUMNS]
    schema = StructType(kept + StructType.fromDDL(check.columns).fields)
    names = [field.name for field in kept]
    return found.mapInArrow(make_checker(check, names), schema)


def make_checker(check: FileCheck, kept: list[str]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that `check_files` runs on the executors; `kept` columns go through it untouched."""

    def check_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="check") as pool:
            for batch in batches:
                yield from _check_batch(batch, check, kept, pool)

    return check_batches


def _check_batch(
    batch: pa.RecordBatch, check: FileCheck, kept: list[str], pool: ThreadPoolExecutor
) -> Iterator[pa.RecordBatch]:
    """Chunks of a bounded size: a batch of found files becomes far larger when their bytes are read."""
    import pyarrow as pa

    fields = _checked_fields(check.columns)
    consumed = batch.select([name for name in CONSUMED_COLUMNS if name in batch.schema.names])
    start = 0
    for rows in _chunk(consumed.to_pylist(), lambda row: _check_row(row, check), pool):
        passed = [batch.column(name).slice(start, len(rows)) for name in kept]
        arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in fields]
        yield pa.RecordBatch.from_arrays(passed + arrays, names=[*kept, *(field.name for field in fields)])
        start += len(rows)


def _chunk(
    rows: list[dict[str, Any]], check: Callable[[dict[str, Any]], dict[str, Any]], pool: ThreadPoolExecutor
) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    num_bytes = 0
    for start in range(0, len(rows), 4 * _THREADS):
        for row in pool.map(check, rows[start : start + 4 * _THREADS]):
            chunk.append(row)
            num_bytes += len(row.get("content") or b"")
        if num_bytes >= _CHUNK_BYTES or len(chunk) >= _CHUNK_ROWS:
            yield chunk
            chunk, num_bytes = [], 0
    if chunk:
        yield chunk


def _check_row(row: dict[str, Any], check: FileCheck) -> dict[str, Any]:
    checked: dict[str, Any] = {"size_bytes": row.get("size_bytes")}
    if row.get("reason") is not None:
        return checked | {REASON: row["reason"], DETAIL: row.get("detail")}
    try:
        data = _read(row, check.max_file_bytes)
        checked["size_bytes"] = len(data)
        return checked | check.describe(data)
    except UndecodableError as error:
        return checked | {REASON: error.code, DETAIL: error.detail[:_MAX_DETAIL]}
    except (MemoryError, SetupError):
        raise
    except Exception as error:  # whatever a file makes a decoder do, it costs its own row only
        return checked | {REASON: "corrupt", DETAIL: f"{type(error).__name__}: {error}"[:_MAX_DETAIL]}


def _read(row: dict[str, Any], max_bytes: int) -> bytes:
    size = row.get("size_bytes") or 0
    if size <= max_bytes:
        data: bytes = row["content"] if row.get("content") is not None else _read_file(row["location"])
        size = len(data)
    if size > max_bytes:
        raise UndecodableError("file_too_large", f"{size} bytes, the limit is {max_bytes}")
    return data


def _read_file(location: str | None) -> bytes:
    if location is None:
        return b""
    try:
        return Path(location).read_bytes()
    except OSError as error:
        raise UndecodableError("unreadable", f"the file cannot be read: {error.strerror}") from None


def _encode(opened: OpenedImage, data: bytes, settings: CheckSettings) -> bytes:
    """The bytes to store; resizing them once more to the model's pixels changes nothing."""
    if settings.encoding is None:
        return data
    spec, image = settings.spec, convert_mode(opened.upright, settings.spec.channels)
    if settings.resize is not None:
        image = resize_image(image, spec.height, spec.width, settings.resize)
    return encode_image(image, settings.encoding)


def _checked_fields(columns: str) -> list[pa.Field]:
    """Columns of a check in Arrow's types, which must match Spark's to the bit."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "binary": pa.binary(),
        "int": pa.int32(),
        "long": pa.int64(),
        "double": pa.float64(),
        "array<double>": pa.list_(pa.float64()),
    }
    return [pa.field(name, types[kind]) for name, kind in (column.split() for column in columns.split(", "))]

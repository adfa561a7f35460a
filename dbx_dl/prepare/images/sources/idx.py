"""Images in pairs of IDX files, as MNIST ships them, which become PNG when they are read."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.prepare.images.sources.found import LISTING_COLUMNS, FoundImages, ImageTask, listing_schema
from dbx_dl.prepare.images.sources.idx_files import (
    IdxImages,
    SeekableFiles,
    count_labels,
    read_images_header,
    read_labels,
)
from dbx_dl.runtime.local_files import ListBatches, local_path

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import IdxSource

_TASK_ROWS = 20_000
_MAX_TASKS = 64
_BATCH_BYTES = 16 * 2**20


@dataclass(frozen=True)
class IdxPart:
    """A pair of files that was checked: its images, the local path of its labels, and its split."""

    images: IdxImages
    labels: str | None
    split: str | None
    label_names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name, with which keys start."""
        return Path(self.images.path).name


def find_in_idx(spark: SparkSession, source: IdxSource) -> FoundImages:
    """One image per item of the files, with the label's name from the config, else its number.

    Files must be on a local path (DBFS's and volumes' too); the driver reads headers and labels, executors the rest.
    DataError when a file is absent or not exactly as long as its header says, when images and labels differ in number,
    or a label has no name.
    """
    parts, label_names = check_pairs(source)
    task: ImageTask = "multiclass" if label_names is not None else "none"
    listing = reduce(lambda one, other: one.unionByName(other), [_list_part(spark, part, task) for part in parts])
    sizes = {part.images.path: part.images for part in parts}

    def read(rows: DataFrame) -> DataFrame:
        from pyspark.sql.types import BinaryType, StructField, StructType

        schema = StructType([*rows.schema.fields, StructField("content", BinaryType())])
        return rows.mapInArrow(make_reader(sizes), schema)

    return FoundImages(listing, (), task, label_names, read)


def check_pairs(source: IdxSource) -> tuple[list[IdxPart], tuple[str, ...] | None]:
    """The source's parts, and the names of its labels in order (None without labels); errors as `find_in_idx`."""
    _require_consistent(source)
    pairs = [(pair, read_images_header(_require_local(pair.images))) for pair in source.pairs]
    counts = [count_labels(_require_local(pair.labels)) for pair in source.pairs if pair.labels is not None]
    if not counts:
        return [IdxPart(images, None, pair.split, ()) for pair, images in pairs], None
    for (pair, images), found in zip(pairs, counts, strict=True):
        if sum(found) != images.count:
            raise DataError(f"{pair.images} has {images.count} images, but {pair.labels} has {sum(found)} labels")
    seen = [value for value in range(256) if any(found[value] for found in counts)]
    names = source.label_names or tuple(str(value) for value in range(256))
    if seen and seen[-1] >= len(names):
        raise DataError(f"the IDX files have the label {seen[-1]}, but label_names has {len(names)} names (from 0)")
    parts = [IdxPart(images, _require_local(pair.labels or ""), pair.split, names) for pair, images in pairs]
    return parts, source.label_names or tuple(names[value] for value in seen)


def make_lister(part: IdxPart) -> ListBatches:
    """The function that executors run: batches of `id` (positions) in, batches of the listing out."""

    def list_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        labels = read_labels(part.labels) if part.labels is not None else None
        modified_at = Path(part.images.path).stat().st_mtime_ns // 1000
        for batch in batches:
            yield _list_positions(part, batch.column("id").to_pylist(), labels, modified_at)

    return list_batches


def make_reader(files: dict[str, IdxImages]) -> ListBatches:
    """The function that executors run: rows of the listing in, the same rows with `content` (PNG bytes) out."""

    def read_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        opened = SeekableFiles()
        try:
            for batch in _cut(batches, max(images.image_bytes for images in files.values())):
                places = zip(batch.column("location").to_pylist(), batch.column("position").to_pylist(), strict=True)
                contents = [_encode(opened, files[location], position) for location, position in places]
                names = [*batch.schema.names, "content"]
                yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(contents, pa.binary())], names=names)
        finally:
            opened.close()

    return read_batches


def _cut(batches: Iterable[pa.RecordBatch], row_bytes: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that stay small when images of `row_bytes` are added."""
    num_rows = max(1, _BATCH_BYTES // row_bytes)
    for batch in batches:
        yield from (batch.slice(start, num_rows) for start in range(0, batch.num_rows, num_rows))


def _encode(opened: SeekableFiles, images: IdxImages, position: int) -> bytes:
    from PIL import Image

    data = opened.read_slice(images.path, images.start_of(position), images.image_bytes)
    buffer = io.BytesIO()
    Image.frombytes("L", (images.width, images.height), data).save(buffer, "PNG")
    return buffer.getvalue()


def _list_part(spark: SparkSession, part: IdxPart, task: ImageTask) -> DataFrame:
    num_tasks = max(1, min(_MAX_TASKS, part.images.count // _TASK_ROWS))
    return spark.range(0, part.images.count, 1, num_tasks).mapInArrow(make_lister(part), listing_schema(task))


def _list_positions(part: IdxPart, positions: list[int], labels: bytes | None, modified_at: int) -> pa.RecordBatch:
    import pyarrow as pa

    num_rows = len(positions)
    keys = pa.array([f"{part.name}/{position:07d}" for position in positions], pa.string())
    names = [part.label_names[labels[position]] if labels is not None else None for position in positions]
    nothing = pa.nulls(num_rows, pa.string())
    columns = {
        "key": keys,
        "path": keys,
        "location": pa.array([part.images.path] * num_rows, pa.string()),
        "position": pa.array(positions, pa.int64()),
        "label": pa.array(names, pa.string()),
        "given_split": pa.array([part.split] * num_rows, pa.string()),
        "size_bytes": pa.array([part.images.image_bytes] * num_rows, pa.int64()),
        "modified_at": pa.array([modified_at] * num_rows, pa.timestamp("us", tz="UTC")),
        "reason": nothing,
        "detail": nothing,
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in LISTING_COLUMNS], names=list(LISTING_COLUMNS))


def _require_consistent(source: IdxSource) -> None:
    names = [Path(pair.images).name for pair in source.pairs]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ConfigError(f"two IDX files are named {repeated}, and names are what keys start with: rename one")
    without = [pair.images for pair in source.pairs if pair.labels is None]
    if without and len(without) < len(source.pairs):
        raise ConfigError(f"{without[0]} has no `labels`, other IDX files of the source have: give all or none")


def _require_local(path: str) -> str:
    found = local_path(path)
    if found is None:
        raise ConfigError(f"IDX files are read from a local path, got {path}: copy it to a folder or volume")
    return found

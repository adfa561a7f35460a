"""Images that a COCO JSON file names, with their boxes and polygons."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.prepare.images.sources.path_listings import ORDER, PATH, UNREADABLE, UNUSABLE, list_paths
from dbx_dl.prepare.images.sources.user_columns import problem
from dbx_dl.runtime.local_files import local_path
from dbx_dl.runtime.sources import read_binary_files
from dbx_dl.transforms.coco.annotations import CocoFile, Labels, parse_coco

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import CocoSource
    from dbx_dl.prepare.images.sources.found import FoundImages, ImageTask

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 2 * 2**30
OBJECTS = "objects"
# The column with the places of an image's objects, and the task that these are for.
SHAPES: dict[str, str] = {"boxes": "label_boxes", "polygons": "label_polygons"}
TASKS: dict[Labels, ImageTask] = {
    "multiclass": "multiclass",
    "multilabel": "multilabel",
    "boxes": "boxes",
    "polygons": "segmentation",
}


def find_in_coco(spark: SparkSession, source: CocoSource) -> FoundImages:
    """One image per entry of `images`, in the column `objects` its annotations; bad ones are rejected (`parse_coco`).

    For the labels `boxes` a further column `label_boxes` holds places in shares of the image, for `polygons` the column
    `label_polygons`, see `transforms.coco.shapes`. The driver reads the whole file, which takes about six times its
    size in memory; one above MAX_FILE_BYTES is refused. DataError when it is absent or no COCO file, or when boxes or
    polygons are asked for and there are none.
    """
    what = f"COCO file {source.annotations}"
    found = parse_coco(_read_text(spark, source.annotations, what), source.labels, what, source.max_boxes)
    _tell(found, source.labels, what)
    rows = _to_rows(spark, found, source.labels)
    extra = (OBJECTS, *_list_shapes(source.labels))
    return list_paths(rows, source.root, source.allow_outside, TASKS[source.labels], extra, found.label_names)


def to_table(found: CocoFile, labels: Labels) -> pa.Table:
    """The images as Arrow: ORDER, PATH, label, objects, reason, detail."""
    import pyarrow as pa

    label_type = pa.string() if labels == "multiclass" else pa.list_(pa.string())
    images = found.images
    columns = {
        ORDER: pa.array(range(len(images)), pa.int64()),
        PATH: pa.array([image.file_name for image in images], pa.string()),
        "label": pa.array([image.label for image in images], label_type),
        OBJECTS: pa.array([image.objects for image in images], _objects_type()),
        "_reason": pa.array([image.reason for image in images], pa.string()),
        "_detail": pa.array([image.detail for image in images], pa.string()),
    }
    for name in _list_shapes(labels):
        columns[name] = pa.array([image.shapes or [] for image in images], _shapes_type(labels))
    return pa.table(columns)


def _list_shapes(labels: Labels) -> tuple[str, ...]:
    return (SHAPES[labels],) if labels in SHAPES else ()


def _tell(found: CocoFile, labels: Labels, what: str) -> None:
    if found.num_stray:
        logger.warning("%s: %d annotations belong to none of its images", what, found.num_stray)
    if labels not in SHAPES:
        return
    if not any(image.shapes for image in found.images):
        raise DataError(f"{what} has no image with {labels}: set source.labels to multiclass or multilabel")
    if found.num_left_out:
        logger.warning("%s: %d crowds or %s without area are left out", what, found.num_left_out, labels)


def _shapes_type(labels: Labels) -> pa.DataType:
    import pyarrow as pa

    if labels == "polygons":
        return pa.list_(pa.struct([("label", pa.string()), ("points", pa.list_(pa.float64()))]))
    numbers = [(name, pa.float64()) for name in ("x", "y", "width", "height")]
    return pa.list_(pa.struct([("label", pa.string()), *numbers]))


def _objects_type() -> pa.DataType:
    import pyarrow as pa

    numbers = [(name, pa.float64()) for name in ("x", "y", "width", "height", "area")]
    polygons = ("polygons", pa.list_(pa.list_(pa.float64())))
    names = [("label", pa.string()), ("category_id", pa.int32()), *numbers]
    return pa.list_(pa.struct([*names, ("is_crowd", pa.bool_()), polygons, ("rle", pa.string())]))


def _to_rows(spark: SparkSession, found: CocoFile, labels: Labels) -> DataFrame:
    from pyspark.sql import functions as F

    rows = spark.createDataFrame(to_table(found, labels))
    unusable = F.struct(F.col("_reason").alias("reason"), F.col("_detail").alias("detail"))
    return rows.select(
        ORDER,
        PATH,
        "label",
        OBJECTS,
        *_list_shapes(labels),
        F.lit(None).cast("string").alias("given_split"),
        problem(F.lit(False), "", "").alias(UNREADABLE),
        F.when(F.col("_reason").isNotNull(), unusable).alias(UNUSABLE),
    )


def _read_text(spark: SparkSession, path: str, what: str) -> bytes:
    place = local_path(path)
    if place is None:
        return _read_remote(spark, path, what)
    try:
        _require_readable(Path(place).stat().st_size, what)
        return Path(place).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{what} does not exist") from None
    except OSError as error:
        raise DataError(f"{what} cannot be read: {error.strerror}") from None


def _read_remote(spark: SparkSession, path: str, what: str) -> bytes:
    folder, _, name = path.rstrip("/").rpartition("/")
    file = read_binary_files(spark, folder, [name])
    _require_readable(file.select("size_bytes").collect()[0]["size_bytes"], what)
    return bytes(file.select("content").collect()[0]["content"])


def _require_readable(size_bytes: int, what: str) -> None:
    if size_bytes > MAX_FILE_BYTES:
        raise DataError(f"{what} has {size_bytes / 2**30:.1f} GB, more than 2: split it, or make a Parquet manifest")

"""What every source of images gives: a listing without bytes, and how to get the bytes of some of its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ImageTask = Literal["multiclass", "multilabel", "boxes", "segmentation", "sequence", "none"]

LISTING_COLUMNS = (
    "key",
    "path",
    "location",
    "position",
    "label",
    "given_split",
    "size_bytes",
    "modified_at",
    "reason",
    "detail",
)
_TYPES = {"position": "long", "size_bytes": "long", "modified_at": "timestamp"}


@dataclass(frozen=True)
class FoundImages:
    """Every image of a source, and how to read some.

    `listing` has LISTING_COLUMNS and then `extra_columns`, one row per image found, good or not:

    - `key` string: names the image for good; null only in rejected rows. `path` string: where a person finds it.
    - `location` string: the absolute path that Python opens on every machine; null where `read` gives the bytes.
    - `position` long: the image's number inside an IDX file, else null.
    - `label` string, for `multilabel`, `boxes` and `segmentation` sorted array<string>, null for the task `none`.
    - `given_split` string: train, validation or test, null where the source names none.
    - `size_bytes` long, `modified_at` timestamp: of the file, null where unknown before reading.
    - `reason`, `detail` string: why the row is rejected already; null for rows that can be read.

    `label_names` are in the order of the source, where it has one. `read` adds `content` binary to rows of `listing`,
    whose further columns stay; it is null where `location` says what to open, and in rejected rows (tables' may have
    bytes). A row with neither has no bytes. `keeps_order`: rows are read as they lie, which is so for files and IDX
    items; what Spark reads (tables, remote files) comes in any order.
    """

    listing: DataFrame
    extra_columns: tuple[str, ...]
    task: ImageTask
    label_names: tuple[str, ...] | None
    read: Callable[[DataFrame], DataFrame]
    keeps_order: bool = True


def listing_schema(task: ImageTask) -> str:
    """LISTING_COLUMNS with their types, as Spark's DDL."""
    types = _TYPES | {"label": "array<string>" if task == "multilabel" else "string"}
    return ", ".join(f"{name} {types.get(name, 'string')}" for name in LISTING_COLUMNS)


def leave_on_disk(rows: DataFrame) -> DataFrame:
    """The `read` of sources whose images are files with a `location`: a null `content`."""
    from pyspark.sql import functions as F

    return rows.withColumn("content", F.lit(None).cast("binary"))

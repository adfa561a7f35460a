"""Rows that name image files by path become a listing: which file is meant, and why a row cannot be used."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.prepare.images.sources.contents import make_remote_reader
from dbx_dl.prepare.images.sources.found import LISTING_COLUMNS, FoundImages, ImageTask, leave_on_disk
from dbx_dl.prepare.images.sources.python_columns import call_python
from dbx_dl.prepare.images.sources.rooted_paths import NO_KEY, OUTSIDE_ROOT, PLACE_SCHEMA, PathResolver, normalise
from dbx_dl.prepare.images.sources.user_columns import problem
from dbx_dl.runtime.local_files import local_path, require_folder
from dbx_dl.runtime.sources import read_binary_files
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# What rows bring beside `label`, `given_split` and extra columns: the path as written, their order in the file, and
# struct<reason, detail> of a row that cannot be read at all, and of one whose label or split is of no use.
PATH, ORDER, UNREADABLE, UNUSABLE = "_path", "_order", "_unreadable", "_unusable"


def list_paths(
    rows: DataFrame,
    root: str,
    allow_outside: bool,
    task: ImageTask,
    extra_columns: tuple[str, ...],
    label_names: tuple[str, ...] | None = None,
) -> FoundImages:
    """The images that rows name; the key is the normal path.

    Of several problems the first counts: UNREADABLE, no_key, outside_root, file_missing, not_a_file, unreadable,
    duplicate_key (a row before it in the file has the key), UNUSABLE. Executors look at files on local paths; for
    others Spark lists the root. DataError when a local root does not exist.
    """
    place = local_path(root)
    placed = _place_local(rows, place, allow_outside) if place else _place_remote(rows, root, allow_outside)
    listing = _judge(placed, extra_columns)
    read = leave_on_disk if place else make_remote_reader(rows.sparkSession, root)
    return FoundImages(listing, extra_columns, task, label_names, read, keeps_order=place is not None)


def _judge(placed: DataFrame, extra_columns: tuple[str, ...]) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    key, reason = F.col("_place.key"), F.col("_place.reason")
    # A line that cannot be read does not stand for its file.
    is_later = F.row_number().over(Window.partitionBy(key).orderBy(F.col(UNREADABLE).isNotNull(), ORDER)) > 1
    found = F.coalesce(
        F.col(UNREADABLE),
        F.when(reason.isNotNull(), F.struct(reason.alias("reason"), F.col("_place.detail").alias("detail"))),
        problem(F.col("_is_later"), "duplicate_key", "an earlier row names the same file"),
        F.col(UNUSABLE),
    )
    columns = {
        "key": key,
        "path": key,
        "location": F.col("_place.location"),
        "position": F.lit(None).cast("long"),
        "size_bytes": F.col("_place.size_bytes"),
        "modified_at": F.timestamp_micros("_place.micros"),
        "reason": F.col("_found.reason"),
        "detail": F.col("_found.detail"),
    }
    own = [columns.get(name, F.col(name)).alias(name) for name in LISTING_COLUMNS]
    judged = placed.withColumn("_is_later", is_later).withColumn("_found", found)
    return judged.select(*own, *(quote_column(name) for name in extra_columns))


def _place_local(rows: DataFrame, root: str, allow_outside: bool) -> DataFrame:
    require_folder(root, "image root")
    return rows.withColumn("_place", call_python(PathResolver(root, allow_outside), PATH, PLACE_SCHEMA))


def _place_remote(rows: DataFrame, root: str, allow_outside: bool) -> DataFrame:
    from pyspark.sql import functions as F

    if allow_outside:
        raise ConfigError(f"`allow_outside` needs a root on a local path, got {root}")
    files = read_binary_files(rows.sparkSession, root).select(
        F.col("path").alias("_file"), F.col("size_bytes").alias("_size"), F.col("modified_at").alias("_time")
    )
    keyed = rows.withColumn("_key", call_python(partial(normalise, root=root), PATH, "string"))
    key = F.col("_key")
    found = F.coalesce(
        problem(key.isNull(), *NO_KEY),
        problem(key.startswith("/") | key.startswith("../") | (key == ".."), *OUTSIDE_ROOT),
        problem(F.col("_file").isNull(), "file_missing", "there is no such file"),
    )
    place = F.struct(
        key.alias("key"),
        F.lit(None).cast("string").alias("location"),
        F.col("_size").alias("size_bytes"),
        F.unix_micros("_time").alias("micros"),
        found["reason"].alias("reason"),
        found["detail"].alias("detail"),
    )
    return keyed.join(files, F.col("_key") == F.col("_file"), "left").withColumn("_place", place)

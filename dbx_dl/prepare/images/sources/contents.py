"""Bytes that Spark itself reads, joined to the rows that ask for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dbx_dl.runtime.sources import read_binary_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MAX_NAMED_FILES = 10_000
_MAX_BROADCAST_ROWS = 200_000


def make_remote_reader(spark: SparkSession, root: str) -> Callable[[DataFrame], DataFrame]:
    """The `read` of a source whose images are files below a remote `root`, by key.

    Up to MAX_NAMED_FILES are opened by name; for more the whole folder is scanned for those that are asked for.
    """

    def read(rows: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        wanted = rows.where(F.col("reason").isNull()).select("key").limit(MAX_NAMED_FILES + 1).collect()
        if not wanted:
            return rows.withColumn("content", F.lit(None).cast("binary"))
        names = None if len(wanted) > MAX_NAMED_FILES else sorted(row["key"] for row in wanted)
        files = read_binary_files(spark, root, names)
        return attach_contents(rows, files.select(F.col("path").alias("key"), "content"))

    return read


def attach_contents(rows: DataFrame, contents: DataFrame) -> DataFrame:
    """Add `content` to rows with the columns `key` and `reason`, from (key, content) with one row per key.

    Few rows travel to the contents instead of the contents to the rows, so that no bytes are shuffled. Rejected rows
    get null.
    """
    from pyspark.sql import functions as F

    is_good = F.col("reason").isNull()
    if rows.limit(_MAX_BROADCAST_ROWS + 1).count() > _MAX_BROADCAST_ROWS:
        wanted = contents.join(rows.where(is_good).select("key"), "key", "left_semi")
        return rows.join(wanted, "key", "left").select(*_quoted(rows), "content")
    good = contents.join(F.broadcast(rows.where(is_good)), "key").select(*_quoted(rows), "content")
    return good.unionByName(rows.where(~is_good).withColumn("content", F.lit(None).cast("binary")))


def _quoted(rows: DataFrame) -> list[str]:
    from dbx_dl.runtime.tables import quote_column

    return [quote_column(name) for name in rows.columns]

"""What has to be read, kept or taken out to bring an image table up to date with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.runtime.tables import quote_column, read_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.prepare.commits import PresentTable

# The split and hash that the table holds for a row that is read again.
STORED_SPLIT, STORED_SHA256 = "_stored_split", "_stored_sha256"
REJECT_COLUMNS = ("key", "path", "reason", "detail", "size_bytes", "modified_at", "was_read")
# What makes a reject another one.
REJECT_IDENTITY = ("key", "path", "reason", "detail", "size_bytes")


@dataclass(frozen=True)
class ImageChanges:
    """A source compared with the table that an earlier prepare wrote.

    `to_read`: found images that are new or changed, with STORED_SPLIT and STORED_SHA256. `listed_rejects` (columns
    REJECT_COLUMNS): what the listing already refuses. `kept_rejects`: rejects of the earlier prepare whose files are
    as they were. `untouched`: the table's rows (without content) that stay as they are. `gone`: keys of the table that
    the source has no more. `left`: keys that have to leave the table.
    """

    to_read: DataFrame
    listed_rejects: DataFrame
    kept_rejects: DataFrame | None = None
    earlier_rejects: DataFrame | None = None
    untouched: DataFrame | None = None
    gone: DataFrame | None = None
    left: DataFrame | None = None


def find_unread(
    spark: SparkSession, listing: DataFrame, earlier: PresentTable | None, extra_columns: Sequence[str]
) -> DataFrame:
    """The found images that have to be read, see `ImageChanges.to_read`.

    They differ from the earlier table's by key, size, modification time, label, split or extra columns; those without
    a modification time are read again, whatever they hold.
    """
    from pyspark.sql import functions as F

    readable = listing.where(F.col("reason").isNull())
    if earlier is None:
        unknown = {STORED_SPLIT: F.lit(None).cast("string"), STORED_SHA256: F.lit(None).cast("string")}
        return readable.withColumns(unknown)
    return _find_unread(readable, _read_stored(spark, earlier), _read_rejects(spark, earlier), extra_columns)


def find_changes(
    spark: SparkSession,
    listing: DataFrame,
    to_read: DataFrame,
    earlier: PresentTable | None,
    *,
    is_whole: bool,
    delete_removed: bool,
) -> ImageChanges:
    """Compare a listing, of which `to_read` is what has to be read, with the earlier table.

    `is_whole` says that the listing is all of the source, so that what it lacks is gone.
    """
    from pyspark.sql import functions as F

    listed_rejects = _select_listed(listing.where(F.col("reason").isNotNull()))
    if earlier is None:
        return ImageChanges(to_read, listed_rejects)
    rows, rejects = _read_stored(spark, earlier), _read_rejects(spark, earlier)
    gone = rows.join(listing, "key", "left_anti").select("key") if is_whole else rows.limit(0).select("key")
    left = _newly_refused(listing).union(gone) if delete_removed else _newly_refused(listing)
    kept = rejects.where("was_read").join(to_read.select("key"), "key", "left_anti")
    if is_whole:
        readable = listing.where(F.col("reason").isNull())
        kept = kept.join(readable.select("key"), "key", "left_semi")
    else:
        listed_rejects = listed_rejects.unionByName(rejects.where("NOT was_read"))
    touched = to_read.select("key").union(left).distinct()
    return ImageChanges(
        to_read=to_read,
        listed_rejects=listed_rejects,
        kept_rejects=kept,
        earlier_rejects=rejects,
        untouched=rows.join(touched, "key", "left_anti"),
        gone=gone,
        left=left,
    )


def _read_stored(spark: SparkSession, earlier: PresentTable) -> DataFrame:
    return read_pinned(spark, earlier.prepared.table).drop("content")


def _read_rejects(spark: SparkSession, earlier: PresentTable) -> DataFrame:
    rejects = earlier.prepared.rejects
    if rejects is None:
        raise ValueError("a prepared table always has rejects")
    return read_pinned(spark, rejects).select(*REJECT_COLUMNS)


def _select_listed(rows: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    columns = ("key", "path", "reason", "detail", "size_bytes", "modified_at")
    return rows.select(*columns, F.lit(False).alias("was_read"))


def _newly_refused(listing: DataFrame) -> DataFrame:
    """Keys that are listed but only with a reason against them."""
    from pyspark.sql import functions as F

    is_readable = F.max(F.col("reason").isNull())
    return listing.where("key IS NOT NULL").groupBy("key").agg(is_readable.alias("ok")).where("NOT ok").select("key")


def _find_unread(readable: DataFrame, rows: DataFrame, rejects: DataFrame, extra_columns: Sequence[str]) -> DataFrame:
    from pyspark.sql import functions as F

    stored = rows.select(
        "key", "size_bytes", "modified_at", "label", "split", "sha256", *map(quote_column, extra_columns)
    )
    refused = rejects.where("was_read").select("key", "size_bytes", "modified_at").distinct()
    found, known, bad = readable.alias("f"), stored.alias("k"), refused.alias("b")
    joined = found.join(known, F.col("f.key") == F.col("k.key"), "left").join(
        bad, (F.col("f.key") == F.col("b.key")) & _same_file("b"), "left"
    )
    same_row = F.col("k.key").isNotNull() & _same_file("k") & _same_values(extra_columns)
    same_reject = F.col("k.key").isNull() & F.col("b.key").isNotNull()
    # Without a modification time only the bytes can tell whether a row with these values changed.
    stored_hash = F.when(F.col("f.modified_at").isNull() & _same_values(extra_columns), F.col("k.sha256"))
    return joined.where(~(same_row | same_reject)).select(
        "f.*", F.col("k.split").alias(STORED_SPLIT), stored_hash.alias(STORED_SHA256)
    )


def _same_file(other: str) -> Column:
    from pyspark.sql import functions as F

    # To the millisecond: all that Spark's own file sources know.
    same_time = F.unix_millis("f.modified_at") == F.unix_millis(f"{other}.modified_at")
    same_size = F.col("f.size_bytes").eqNullSafe(F.col(f"{other}.size_bytes"))
    return F.coalesce(same_time & same_size, F.lit(False))


def _same_values(extra_columns: Sequence[str]) -> Column:
    from pyspark.sql import functions as F

    given = F.col("f.given_split")
    same = F.col("f.label").eqNullSafe(F.col("k.label")) & (given.isNull() | given.eqNullSafe(F.col("k.split")))
    for name in map(quote_column, extra_columns):
        same = same & F.col(f"f.{name}").eqNullSafe(F.col(f"k.{name}"))
    return same

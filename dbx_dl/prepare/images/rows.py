"""Rows on their way into an image table: in the order of its files, without unwanted duplicates, and counted ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.prepare.images.changes import REJECT_COLUMNS, STORED_SHA256, STORED_SPLIT
from dbx_dl.prepare.images.checks import MEASURED_COLUMNS
from dbx_dl.prepare.outcomes import DETAIL, REASON
from dbx_dl.prepare.splits import split_rows_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import PrepareFilesSection
    from dbx_dl.prepare.images.changes import ImageChanges
    from dbx_dl.prepare.splits import SplitBounds

# The length of the content that checked rows will be stored with; null for stored rows, which are not looked at.
STORED_BYTES = "_stored_bytes"
_NEW, _REFUSED, _LEAVING = "new", "refused", "leaving"
_COUNTED = ("key", "label", "split", "sha256")


@dataclass(frozen=True)
class News:
    """Checked rows that are new to the table, and that are refused; keys that leave it; the range of all these keys."""

    num_new: int
    num_refused: int
    num_leaving: int
    first_key: str | None
    last_key: str | None


@dataclass(frozen=True)
class FutureRows:
    """The table as it will be, without content.

    `good` rows, with MEASURED_COLUMNS of images that were read; `rejects` (REJECT_COLUMNS); `every` row of both with
    label, split and REASON; `left`: keys that the table must not hold.
    """

    good: DataFrame
    rejects: DataFrame
    every: DataFrame
    left: DataFrame


def order_for_reading(
    to_read: DataFrame, config: PrepareFilesSection, bounds: SplitBounds, num_tasks: int
) -> DataFrame:
    """Rows to read with their `split`, distributed and sorted by split and key before they have any content.

    So the bytes, once read, need no shuffle and no sort. A row whose named split is none of ours gets a reason.
    """
    from pyspark.sql import functions as F

    found = split_rows_by(config.split, bounds, F.col("key"), F.col("label").cast("string"))
    split = F.coalesce(F.col("given_split"), F.col(STORED_SPLIT), found)
    rows = to_read.withColumn("split", split)
    is_bad = F.col("reason").isNull() & F.col("split").isNull()
    rows = rows.withColumns(
        {
            "reason": F.when(is_bad, F.lit("bad_split")).otherwise(F.col("reason")),
            "detail": F.when(is_bad, F.lit("the named split is none of train, validation, test")).otherwise(
                F.col("detail")
            ),
        }
    )
    if num_tasks == 1:
        return rows.repartition(1).sortWithinPartitions("split", "key")
    return rows.repartitionByRange(num_tasks, "split", "key").sortWithinPartitions("split", "key")


def drop_contents(rows: DataFrame) -> DataFrame:
    """Checked rows with STORED_BYTES instead of their content: what every pass but the last needs of them."""
    from pyspark.sql import functions as F

    return rows.withColumn(STORED_BYTES, F.length("content").cast("long")).drop("content")


def stored_sums() -> dict[str, Column]:
    """What `count_outcome` has to sum to know how large stored images are."""
    from pyspark.sql import functions as F

    return {"stored_bytes": F.col(STORED_BYTES), "stored_rows": F.col(STORED_BYTES).isNotNull().cast("int")}


def find_repeated(rows: DataFrame, changes: ImageChanges) -> DataFrame:
    """Keys of good checked rows whose bytes the table has already, or one of these rows with a lower key."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    hashes = rows.where(F.col(REASON).isNull()).select("key", "sha256")
    first = F.row_number().over(Window.partitionBy("sha256").orderBy("key")) > 1
    repeated = hashes.withColumn("_later", first)
    if changes.untouched is not None:
        stored = changes.untouched.select("sha256").distinct().withColumn("_stored", F.lit(True))
        repeated = repeated.join(stored, "sha256", "left").withColumn(
            "_later", F.col("_later") | F.col("_stored").isNotNull()
        )
    return repeated.where("_later").select("key", F.lit(True).alias("_is_duplicate"))


def reject_repeated(rows: DataFrame, repeated: DataFrame | None) -> DataFrame:
    """Checked rows, those of `find_repeated` rejected; where there are None, as they are."""
    from pyspark.sql import functions as F

    if repeated is None:
        return rows
    marked = rows.join(F.broadcast(repeated), "key", "left")
    is_duplicate = F.col("_is_duplicate").isNotNull() & F.col(REASON).isNull()
    return marked.withColumns(
        {
            REASON: F.when(is_duplicate, F.lit("duplicate_content")).otherwise(F.col(REASON)),
            DETAIL: F.when(is_duplicate, F.concat(F.lit("another file has the bytes "), "sha256")).otherwise(
                F.col(DETAIL)
            ),
        }
    ).drop("_is_duplicate")


def find_news(rows: DataFrame, changes: ImageChanges) -> News:
    """What checked rows and leaving keys mean for the table; images without a modification time may bring nothing."""
    from pyspark.sql import functions as F

    is_refused = F.col(REASON).isNotNull()
    what = F.when(is_refused, F.lit(_REFUSED)).when(~is_as_stored(), F.lit(_NEW))
    seen = rows.select("key", what.alias("what"))
    if changes.left is not None:
        seen = seen.unionAll(changes.left.select("key", F.lit(_LEAVING)))
    touched, counts = F.when(F.col("what").isNotNull(), F.col("key")), (_NEW, _REFUSED, _LEAVING)
    found = seen.agg(*(F.count_if(F.col("what") == n) for n in counts), F.min(touched), F.max(touched)).collect()[0]
    return News(*found)


def is_as_stored() -> Column:
    """True for a checked row that the table holds already, with the same bytes and values."""
    from pyspark.sql import functions as F

    return F.coalesce(F.col("sha256") == F.col(STORED_SHA256), F.lit(False))


def future_rows(changes: ImageChanges, rows: DataFrame, measures: Sequence[str]) -> FutureRows:
    """What the table, with these measures, and its rejects will be once checked `rows` (of `drop_contents`) are in."""
    from pyspark.sql import functions as F

    is_good, counted = F.col(REASON).isNull(), (*_COUNTED, *measures)
    fresh = [name for name in rows.columns if name in MEASURED_COLUMNS]
    good = rows.where(is_good).select(*counted, *fresh, STORED_BYTES)
    refused = rows.where(~is_good)
    rejects = refused.select(
        "key", "path", F.col(REASON).alias("reason"), F.col(DETAIL).alias("detail"), "size_bytes", "modified_at"
    ).withColumn("was_read", F.lit(True))
    rejects = rejects.unionByName(changes.listed_rejects)
    left = refused.where("key IS NOT NULL").select("key")
    if changes.kept_rejects is not None and changes.untouched is not None and changes.left is not None:
        rejects = rejects.unionByName(changes.kept_rejects)
        good = good.unionByName(changes.untouched.select(*counted), allowMissingColumns=True)
        left = left.union(changes.left).distinct()
    named = rejects.select("key", F.col("reason").alias(REASON))
    every = good.withColumn(REASON, F.lit(None).cast("string")).unionByName(named, allowMissingColumns=True)
    return FutureRows(good, rejects.select(*REJECT_COLUMNS), every, left)

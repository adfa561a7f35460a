"""Rows on their way into an image table: in the order of its files, without unwanted duplicates, and counted ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.prepare.images.changes import REJECT_COLUMNS, STORED_SHA256, STORED_SPLIT, fingerprint_rejects
from dbx_dl.prepare.outcomes import DETAIL, REASON
from dbx_dl.prepare.splits import split_rows_by

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import PrepareImagesConfig
    from dbx_dl.prepare.images.changes import ImageChanges
    from dbx_dl.prepare.images.survey import Survey
    from dbx_dl.prepare.splits import SplitBounds

# Enough tasks to keep a small cluster busy although the images fit into fewer files.
_MIN_TASKS = 16
_MIN_TASK_ROWS = 64
_COUNTED = ("key", "label", "split", "sha256", "pixel_means", "pixel_deviations")


@dataclass(frozen=True)
class FutureRows:
    """The table as it will be, without content.

    `good` rows; `rejects` (REJECT_COLUMNS); `every` row of both with label, split and REASON; `left`: keys that the
    table must not hold.
    """

    good: DataFrame
    rejects: DataFrame
    every: DataFrame
    left: DataFrame


def num_files(survey: Survey, config: PrepareImagesConfig) -> int:
    """Files per split that the images to read should fill."""
    return max(1, math.ceil(survey.bytes_to_read / config.target_file_bytes))


def num_read_tasks(survey: Survey, config: PrepareImagesConfig) -> int:
    """Tasks that read and check them."""
    return max(num_files(survey, config), min(_MIN_TASKS, math.ceil(survey.num_to_read / _MIN_TASK_ROWS)), 1)


def order_for_reading(
    to_read: DataFrame, config: PrepareImagesConfig, bounds: SplitBounds, survey: Survey
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
    num_tasks = num_read_tasks(survey, config)
    if num_tasks == 1:
        return rows.repartition(1).sortWithinPartitions("split", "key")
    return rows.repartitionByRange(num_tasks, "split", "key").sortWithinPartitions("split", "key")


def judge_duplicates(rows: DataFrame, changes: ImageChanges, duplicates: str) -> DataFrame:
    """Checked rows, with the later ones of equal bytes rejected where duplicates are to be dropped."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if duplicates != "drop":
        return rows
    hashes = rows.where(F.col(REASON).isNull()).select("key", "sha256")
    first = F.row_number().over(Window.partitionBy("sha256").orderBy("key")) > 1
    repeated = hashes.withColumn("_later", first)
    if changes.untouched is not None:
        stored = changes.untouched.select("sha256").distinct().withColumn("_stored", F.lit(True))
        repeated = repeated.join(stored, "sha256", "left").withColumn(
            "_later", F.col("_later") | F.col("_stored").isNotNull()
        )
    later = repeated.where("_later").select("key", F.lit(True).alias("_is_duplicate"))
    marked = rows.join(F.broadcast(later), "key", "left")
    is_duplicate = F.col("_is_duplicate").isNotNull() & F.col(REASON).isNull()
    return marked.withColumns(
        {
            REASON: F.when(is_duplicate, F.lit("duplicate_content")).otherwise(F.col(REASON)),
            DETAIL: F.when(is_duplicate, F.concat(F.lit("another image has the bytes "), "sha256")).otherwise(
                F.col(DETAIL)
            ),
        }
    ).drop("_is_duplicate")


def has_news(rows: DataFrame, changes: ImageChanges) -> bool:
    """Whether checked rows change the table or its rejects, which images without a modification time may not."""
    from pyspark.sql import functions as F

    if rows.where(F.col(REASON).isNull() & ~is_as_stored()).limit(1).count():
        return True
    if changes.earlier_rejects is None:
        return True
    return fingerprint_rejects(future_rows(changes, rows).rejects) != fingerprint_rejects(changes.earlier_rejects)


def is_as_stored() -> Column:
    """True for a checked row that the table holds already, with the same bytes and values."""
    from pyspark.sql import functions as F

    return F.coalesce(F.col("sha256") == F.col(STORED_SHA256), F.lit(False))


def future_rows(changes: ImageChanges, rows: DataFrame) -> FutureRows:
    """What the table and its rejects will be once the checked `rows` are in; no content is read."""
    from pyspark.sql import functions as F

    is_good = F.col(REASON).isNull()
    good = rows.where(is_good).select(*_COUNTED)
    refused = rows.where(~is_good)
    rejects = refused.select(
        "key", "path", F.col(REASON).alias("reason"), F.col(DETAIL).alias("detail"), "size_bytes", "modified_at"
    ).withColumn("was_read", F.lit(True))
    rejects = rejects.unionByName(changes.listed_rejects)
    left = refused.where("key IS NOT NULL").select("key")
    if changes.kept_rejects is not None and changes.untouched is not None and changes.left is not None:
        rejects = rejects.unionByName(changes.kept_rejects)
        good = good.unionByName(changes.untouched.select(*_COUNTED))
        left = left.union(changes.left).distinct()
    named = rejects.select("key", F.col("reason").alias(REASON))
    every = good.withColumn(REASON, F.lit(None).cast("string")).unionByName(named, allowMissingColumns=True)
    return FutureRows(good, rejects.select(*REJECT_COLUMNS), every, left)

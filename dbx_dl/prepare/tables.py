"""What prepared tables have in common: properties that any Delta reader takes, label indices, few sorted files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.runtime.table_writes import PLAIN_TABLE, replace_table
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import PrepareSection

_FILE_BYTES = 128 * 2**20


def table_properties(keep_versions_days: int) -> dict[str, str]:
    """Delta properties of a prepared table: any reader opens it, and its versions stay readable so many days."""
    interval = f"interval {keep_versions_days} days"
    return PLAIN_TABLE | {"delta.deletedFileRetentionDuration": interval, "delta.logRetentionDuration": interval}


def index_labels(rows: DataFrame, label_names: Sequence[str]) -> DataFrame:
    """Add `label_index`: int for a string `label`, array<int> for an array of labels, null for a null one."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType

    if not isinstance(rows.schema["label"].dataType, ArrayType):
        pairs = [(name, index) for index, name in enumerate(label_names)]
        indices = rows.sparkSession.createDataFrame(pairs, "label string, label_index int")
        return rows.join(F.broadcast(indices), "label", "left")
    names = F.array(*map(F.lit, label_names)) if label_names else F.array().cast("array<string>")
    return rows.withColumn(
        "label_index", F.transform("label", lambda name: (F.array_position(names, name) - 1).cast("int"))
    )


def order_labels(found: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Label names in the order of their indices: known ones keep theirs, new ones follow, sorted by name."""
    return (*known, *sorted(set(found) - set(known)))


def has_equal_rows(one: DataFrame, other: DataFrame, columns: Sequence[str]) -> bool:
    """Whether both hold the same rows, by some of their columns and in whatever order: by count and hash."""
    from pyspark.sql import functions as F

    digest = F.xxhash64(*(quote_column(name) for name in columns)).cast("decimal(38,0)").alias("digest")
    signed = one.select(F.lit(1).alias("sign"), digest).unionAll(other.select(F.lit(-1).alias("sign"), digest))
    found = signed.agg(F.sum("sign").alias("rows"), F.sum(F.col("sign") * F.col("digest")).alias("digest")).collect()[0]
    return not (found["rows"] or found["digest"])


def replace_sorted(rows: DataFrame, config: PrepareSection, key_column: str, size_bytes: int) -> None:
    """Replace the rows of `config.table` in one commit: partitioned by `split`, sorted by key.

    Files are of about `config.target_file_bytes`; `size_bytes` estimates the whole.
    """
    order = ["split", quote_column(key_column)]
    num_files = max(1, math.ceil(size_bytes / (config.target_file_bytes or _FILE_BYTES)))
    # A range partitioning would sample all rows first, and coalesce(1) would let a single task compute them.
    spread = rows.repartition(1) if num_files == 1 else rows.repartitionByRange(num_files, *order)
    properties = table_properties(config.keep_versions_days)
    replace_table(spread.sortWithinPartitions(*order), config.table, partitions=("split",), properties=properties)

"""Writing prepared tables: few sorted files that any Delta reader can open, rejects first, the main table last."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbx_dl.runtime.table_writes import replace_table, require_free_place
from dbx_dl.runtime.tables import first_line, has_table, pin_table, quote_column, suffix_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import TableVersion

logger = logging.getLogger(__name__)

TARGET_FILE_BYTES = 128 * 1024 * 1024
# What readers outside Spark (the feed's) need: no deletion vectors, no column mapping, the oldest protocol.
_PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.columnMapping.mode": "none",
    "delta.minReaderVersion": "1",
    "delta.minWriterVersion": "2",
}


def table_properties(keep_versions_days: int) -> dict[str, str]:
    """Delta properties of a prepared table: any reader opens it, and its versions stay readable so many days."""
    interval = f"interval {keep_versions_days} days"
    return _PROPERTIES | {"delta.deletedFileRetentionDuration": interval, "delta.logRetentionDuration": interval}


def index_labels_of(rows: DataFrame, label_names: Sequence[str]) -> DataFrame:
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


def require_writable(spark: SparkSession, name: str) -> None:
    """DataError when `name` cannot become a Delta table: a bad name, or a folder that holds something else."""
    if not has_table(spark, name):
        require_free_place(name, "prepared table")


def rejects_name(name: str) -> str:
    """The name of the table that keeps what was rejected on the way into table `name`."""
    return suffix_table(name, "_rejects")


@contextmanager
def kept_on_disk(rows: DataFrame) -> Iterator[DataFrame]:
    """`rows`, computed once however often they are used inside the block.

    Kept on the executors' disks rather than staged as another table: it needs no place to write to, works for named
    tables as for paths and on Spark Connect, leaves nothing behind when a job dies, and a lost executor only costs
    the recomputation of its share. Where Spark refuses (serverless compute), rows are computed for every use.
    """
    from pyspark.errors import PySparkException
    from pyspark.storagelevel import StorageLevel

    try:
        kept = rows.persist(StorageLevel.DISK_ONLY)
    except PySparkException as error:
        logger.warning("this Spark does not keep rows between passes (%s): they are computed twice", first_line(error))
        yield rows
        return
    try:
        yield kept
    finally:
        kept.unpersist()


def index_labels(rows: DataFrame, label_names: Sequence[str]) -> DataFrame:
    """Add `label_index` int, the position of `label` in `label_names`; rows with other labels are left out."""
    from pyspark.sql import functions as F

    pairs = [(name, index) for index, name in enumerate(label_names)]
    indices = rows.sparkSession.createDataFrame(pairs, "label string, label_index int")
    return rows.join(F.broadcast(indices), "label")


def write_rejects(rows: DataFrame, name: str) -> TableVersion:
    """Replace the rejects table's rows, in one file sorted by the first column (the key), and pin it."""
    return _write(_one_sorted_file(rows, quote_column(rows.columns[0])), name, ())


def write_prepared(rows: DataFrame, name: str, key_column: str, size_bytes: int) -> TableVersion:
    """Replace a prepared table's rows in one commit and pin it.

    Files are partitioned by `split`, sorted by key, of about `TARGET_FILE_BYTES`; `size_bytes` estimates the whole.
    """
    order = ["split", quote_column(key_column)]
    num_files = max(1, math.ceil(size_bytes / TARGET_FILE_BYTES))
    if num_files == 1:  # a range partitioning would sample all rows first
        return _write(_one_sorted_file(rows, *order), name, ("split",))
    return _write(rows.repartitionByRange(num_files, *order).sortWithinPartitions(*order), name, ("split",))


def _one_sorted_file(rows: DataFrame, *order: str) -> DataFrame:
    # Not coalesce(1), which would also let a single task filter and join all rows before.
    return rows.repartition(1).sortWithinPartitions(*order)


def _write(rows: DataFrame, name: str, partitions: Sequence[str]) -> TableVersion:
    replace_table(rows, name, partitions=partitions, properties=_PROPERTIES)
    table = pin_table(rows.sparkSession, name)
    logger.info("wrote table %s, version %d", name, table.version)
    return table

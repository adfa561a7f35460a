"""Changing a Delta table in one commit, by path or by catalog name."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import absolute_path, first_line, has_table, is_path, quote_column, quote_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

# What readers outside Spark (the feed's) take: no deletion vectors, no column mapping, the oldest protocol.
PLAIN_TABLE = {
    "delta.enableDeletionVectors": "false",
    "delta.columnMapping.mode": "none",
    "delta.minReaderVersion": "1",
    "delta.minWriterVersion": "2",
}

# The column of `merge_rows` that says what becomes of a row.
ACTION, PUT, DELETE = "_action", "put", "delete"
# What Delta says of a table that its catalog lacks and whose folder is not empty.
_LEFT_FOLDER = "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION"
# What file systems say of a place that takes no files.
_UNWRITABLE = re.compile(
    "DELTA_CANNOT_CREATE_LOG_PATH|Mkdirs failed to create|Permission denied|No space left on device"
    "|Read-only file system|Not a directory|AccessControlException|AccessDenied"
)
_SETTLE_SECONDS = 2.0
# What a SQL text literal cannot hold under every setting: quotes, escapes, `${variables}`, control characters.
_SPECIAL = re.compile(r"['\"\\$\x00-\x1f]")

# Not any "Concurrent": a failed task tells the JVM's stack, in which ConcurrentHashMap and its like are common.
_LOST_RACE = re.compile(
    "DELTA_(CONCURRENT|METADATA_CHANGED|PROTOCOL_CHANGED)"
    r"|Concurrent(Write|Append|Transaction|Delete\w*)Exception|(DeltaConcurrentModification|MetadataChanged|ProtocolChanged)"
)


def is_lost_race(error: Exception) -> bool:
    """Whether Delta refused a commit since another one came first; Py4J's errors share no class with Spark's own."""
    return _LOST_RACE.search(str(error)) is not None


def require_free_place(name: str, what: str, leftovers: Sequence[str] = ()) -> None:
    """DataError when `name`, which is no Delta table, is a path at which something else lies already.

    Folders in it may stay whose names match one of the patterns in `leftovers`, such as a killed writer's.
    """
    if not is_path(name):
        return
    folder = Path(absolute_path(name))
    above = next((place for place in folder.parents if place.is_file()), None)
    if above is not None:
        raise DataError(f"{name} cannot be made: {above} is a file; name another place for the {what}")
    found = folder.iterdir() if folder.is_dir() else ()
    if folder.is_file() or not all(_is_leftover(entry, leftovers) for entry in found):
        raise DataError(f"{name} exists and is not a Delta table: name another place for the {what}")


def replace_table(
    rows: DataFrame, name: str, *, partitions: Sequence[str] = (), properties: Mapping[str, str] | None = None
) -> None:
    """Make `rows` the table's content, schema included, as one new version; DataError when Spark refuses."""
    writer = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").options(**properties or {})
    _save(writer.partitionBy(*partitions) if partitions else writer, name)


def append_rows(rows: DataFrame, name: str, *, properties: Mapping[str, str] | None = None) -> None:
    """Add rows to a table of the same columns, which is made where there is none; DataError when Spark refuses.

    Where a catalog lacks the table and its folder holds what a killed writer left, the table starts anew.
    """
    writer = rows.write.format("delta").options(**properties or {})
    try:
        _save(writer.mode("append"), name)
    except DataError as error:
        if _LEFT_FOLDER not in str(error):
            raise
        _save(writer.mode("append" if _appears(rows.sparkSession, name) else "overwrite"), name)


def replace_rows(rows: DataFrame, name: str, condition: str) -> None:
    """Put `rows`, all of which meet a SQL condition, in place of those of the table that do, as one new version."""
    _save(rows.write.format("delta").mode("overwrite").option("replaceWhere", condition), name)


def merge_rows(
    spark: SparkSession, changes: DataFrame, name: str, key_column: str, keys: tuple[str | None, str | None]
) -> None:
    """Apply changes by key as one new version: rows whose ACTION is PUT replace or join the table's, others leave it.

    `changes` have the table's columns and ACTION, and a key once at most. `keys`: the first and the last one that they
    put or take out, None where that is not known; Delta then looks only at data files with keys between them.
    """
    view = f"dbx_dl_changes_{uuid.uuid4().hex}"
    changes.createOrReplaceTempView(view)
    key = quote_column(key_column)
    try:
        spark.sql(
            f"MERGE INTO {quote_table(name)} AS t USING {view} AS s ON t.{key} = s.{key}{_within(f't.{key}', keys)} "
            f"WHEN MATCHED AND s.{ACTION} = '{DELETE}' THEN DELETE "
            "WHEN MATCHED THEN UPDATE SET * "
            f"WHEN NOT MATCHED AND s.{ACTION} = '{PUT}' THEN INSERT *"
        ).collect()
    finally:
        spark.catalog.dropTempView(view)


def _appears(spark: SparkSession, name: str) -> bool:
    """Whether the catalog has the table after a while: another writer that was just making it has then done so."""
    time.sleep(_SETTLE_SECONDS)
    return has_table(spark, name)


def _is_leftover(entry: Path, patterns: Sequence[str]) -> bool:
    return entry.is_dir() and any(entry.match(pattern) for pattern in patterns)


def _within(column: str, ends: tuple[str | None, str | None]) -> str:
    """A condition that Delta's file statistics are compared with; none where an end is not plain text in every dialect.

    MERGE takes no parameters, and only literals are compared.
    """
    first, last = ends
    if first is None or last is None or _SPECIAL.search(first + last):
        return ""
    return f" AND {column} >= '{first}' AND {column} <= '{last}'"


def _save(writer: DataFrameWriter, name: str) -> None:
    from pyspark.errors import AnalysisException

    try:
        if is_path(name):
            writer.save(absolute_path(name))
        else:
            writer.saveAsTable(quote_table(name))
    except Exception as error:  # Py4J's errors share no class with Spark's own
        is_unwritable = _UNWRITABLE.search(str(error)) is not None and not is_lost_race(error)
        if not is_unwritable and not isinstance(error, AnalysisException):
            raise
        raise DataError(f"table {name} cannot be written: {first_line(error)}") from None

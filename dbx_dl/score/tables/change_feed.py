"""What a Delta table's change feed says of rows: the last state of every key that changed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DbxDlError
from dbx_dl.feed.table_identity import read_identity
from dbx_dl.runtime.local_logs import shares_disk
from dbx_dl.runtime.tables import absolute_path, first_line, is_path, quote_column, quote_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.contracts import TableVersion

FEED_PROPERTY = "delta.enableChangeDataFeed"
_TYPE, _VERSION, _MOMENT = "_change_type", "_commit_version", "_commit_timestamp"
_INSERT, _UPDATED, _DELETE, _BEFORE = "insert", "update_postimage", "delete", "update_preimage"


class NoFeedError(DbxDlError):
    """The change feed does not tell what is asked of it; the message says why."""


@dataclass(frozen=True)
class FeedRange:
    """Changes of a table after one version up to another one, with what they are by type.

    `ends` are the first and the last value of the key's column among rows that came, where it is one of whole numbers
    or text.
    """

    changes: DataFrame
    num_inserts: int
    num_updates: int
    num_deletes: int
    ends: tuple[Any, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.num_inserts or self.num_updates or self.num_deletes)


@dataclass(frozen=True)
class LastStates:
    """Of the keys that changed, `present` rows as they are now (the table's columns), and the `gone` ones: key."""

    present: DataFrame
    gone: DataFrame


def describe_source(spark: SparkSession, name: str) -> tuple[str, bool]:
    """A Delta table's id, which no later table of that name has, and whether it records a change feed now."""
    known = read_identity(absolute_path(name)) if is_path(name) and shares_disk(spark) else None
    if known is not None:
        return known[0], known[1].get(FEED_PROPERTY) == "true"
    row = spark.sql(f"DESCRIBE DETAIL {quote_table(name)}").select("id", "properties").collect()[0]
    return str(row["id"]), (row["properties"] or {}).get(FEED_PROPERTY) == "true"


def read_feed(spark: SparkSession, table: TableVersion, after: int, keys: Sequence[str]) -> FeedRange:
    """The changes after version `after` up to the pinned one; NoFeedError where the feed does not cover them.

    `keys` are the columns that make a row's key. Counting the changes reads every file of the range, so that removed
    ones are found here and not amid a job.
    """
    from pyspark.sql import functions as F

    reader = spark.read.format("delta").option("readChangeFeed", "true")
    reader = reader.option("startingVersion", after + 1).option("endingVersion", table.version)
    try:
        changes = (
            reader.load(absolute_path(table.name)) if is_path(table.name) else reader.table(quote_table(table.name))
        )
        columns = [F.col(quote_column(keys[0]))] if _has_order(changes, keys) else []
        ends = [end(column) for column in columns for end in (F.min, F.max)]
        found = {row[0]: row for row in changes.groupBy(_TYPE).agg(F.count("*"), *ends).collect()}
    except Exception as error:  # Py4J's errors share no class with Spark's own
        raise NoFeedError(first_line(error)) from None
    counts = {kind: int(row[1]) for kind, row in found.items()}
    came = [end for kind in (_INSERT, _UPDATED) if kind in found for end in found[kind][2:] if end is not None]
    ends_found = (min(came), max(came)) if came else None
    return FeedRange(changes, counts.get(_INSERT, 0), counts.get(_UPDATED, 0), counts.get(_DELETE, 0), ends_found)


def is_feed(rows: DataFrame) -> bool:
    """Whether these are rows of a change feed."""
    return _TYPE in rows.columns


def find_new_keys(changes: DataFrame, key: Column) -> DataFrame:
    """The `key`s that more rows have after these changes than before."""
    from pyspark.sql import functions as F

    num_rows = F.when(F.col(_TYPE).isin(_INSERT, _UPDATED), 1).otherwise(-1)
    sums = changes.select(key.alias("key"), num_rows.alias("rows")).groupBy("key").agg(F.sum("rows").alias("rows"))
    return sums.where("rows > 0").select("key")


def find_last_states(changes: DataFrame, key: Column) -> LastStates:
    """Every key's state after all these changes; two rows of one key in one commit both stay, for `check_keys`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    name = f"_key_{uuid.uuid4().hex}"
    # What an update leaves is gone under its old key, unless it keeps that: then it is in the same commit.
    is_gone = F.col(_TYPE).isin(_DELETE, _BEFORE)
    order = Window.partitionBy(name).orderBy(F.col(_VERSION).desc(), is_gone)
    last = changes.withColumn(name, key).withColumn("_rank", F.rank().over(order)).where("_rank = 1")
    present = last.where(~is_gone).drop(_TYPE, _VERSION, _MOMENT, "_rank", name)
    return LastStates(present, last.where(is_gone).select(F.col(name).alias("key")).distinct())


def _has_order(changes: DataFrame, keys: Sequence[str]) -> bool:
    """Whether the key is one column that Spark and Python order alike, whole numbers or plain text."""
    kind = changes.schema[keys[0]].dataType.simpleString()
    return len(keys) == 1 and kind in ("string", "tinyint", "smallint", "int", "bigint")

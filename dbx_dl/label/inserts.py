"""Rows that join a Delta table once, by their key, whoever else writes to it meanwhile."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeVar

from dbx_dl.errors import DataError
from dbx_dl.runtime.table_writes import append_rows, is_lost_race, require_free_place
from dbx_dl.runtime.tables import first_line, has_table, pin_table, quote_table, read_pinned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import TableVersion

logger = logging.getLogger(__name__)
T = TypeVar("T")

_PROPERTIES = {"delta.enableDeletionVectors": "false"}
_MAX_TRIES = 20
_PAUSE_SECONDS = 0.2


def create_table(
    spark: SparkSession, name: str, schema: str, what: str, *, later: Collection[str] = ()
) -> TableVersion:
    """Make an empty table with the columns of `schema` (Spark's DDL), or find it; DataError where it is another one.

    A table that lacks columns of `later` gets them, empty.
    """
    if has_table(spark, name):
        table = pin_table(spark, name)
        if require_schema(read_pinned(spark, table), schema, name, what, later=later):
            again_after_races(name, lambda: _add_columns(spark, name, schema, what, later))
            return pin_table(spark, name)
        return table
    require_free_place(name, what, ("_delta_log",))
    empty = spark.createDataFrame([], schema)
    again_after_races(name, lambda: append_rows(empty, name, properties=_PROPERTIES))
    return pin_table(spark, name)


def insert_new(spark: SparkSession, name: str, rows: DataFrame, key: str) -> int:
    """Insert the rows whose `key` the table lacks, in one commit, and count them; of rows of one key any is taken.

    Another writer's commit that comes first is waited for, so rows must be the same each time Spark works them out.
    """
    return again_after_races(name, lambda: _insert(spark, name, rows.dropDuplicates([key]), key))


def again_after_races(name: str, write: Callable[[], T]) -> T:
    """What `write` gives, tried again where another writer's commit came first; DataError when that goes on."""
    for number in range(_MAX_TRIES):
        try:
            return write()
        except Exception as error:
            if not is_lost_race(error):
                raise
            logger.debug("lost a race: %s", first_line(error))
            # Writers that met once should not meet again.
            time.sleep(random.uniform(0, _PAUSE_SECONDS * (number + 1)))
    raise DataError(f"table {name}: other jobs changed it {_MAX_TRIES} times before this one could: run it again")


def require_schema(
    rows: DataFrame, schema: str, name: str, what: str, *, later: Collection[str] = ()
) -> dict[str, str]:
    """DataError unless the rows have every column of `schema`, with its type; gives what they lack of `later`."""
    from pyspark.sql.types import StructType

    present = {field.name: field.dataType.simpleString() for field in rows.schema}
    lacking = {}
    for field in StructType.fromDDL(schema):
        if field.name in later and field.name not in present:
            lacking[field.name] = field.dataType.simpleString()
        elif present.get(field.name) != field.dataType.simpleString():
            found = present.get(field.name, "absent")
            raise DataError(
                f"table {name} is no {what}: column {field.name} is {found}, not {field.dataType.simpleString()}"
            )
    return lacking


def _add_columns(spark: SparkSession, name: str, schema: str, what: str, later: Collection[str]) -> None:
    # Looked at anew: another writer may have added them meanwhile.
    rows = read_pinned(spark, pin_table(spark, name))
    lacking = require_schema(rows, schema, name, what, later=later)
    if lacking:
        columns = ", ".join(f"{column} {kind}" for column, kind in lacking.items())
        spark.sql(f"ALTER TABLE {quote_table(name)} ADD COLUMNS ({columns})").collect()


def _insert(spark: SparkSession, name: str, rows: DataFrame, key: str) -> int:
    view = f"dbx_dl_rows_{uuid.uuid4().hex}"
    rows.createOrReplaceTempView(view)
    names, values = ", ".join(rows.columns), ", ".join(f"s.{column}" for column in rows.columns)
    try:
        found = spark.sql(
            f"MERGE INTO {quote_table(name)} AS t USING {view} AS s ON t.{key} = s.{key} "
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
        ).collect()
    finally:
        spark.catalog.dropTempView(view)
    return int(found[0]["num_inserted_rows"])

"""Predictions of items as labelling needs them: one row an item, with the key as text and probabilities as an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import pin_table, quote_column, read_pinned, require_columns

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.contracts import TableVersion


def read_scores(spark: SparkSession, name: str, key: str) -> tuple[DataFrame, TableVersion]:
    """The latest version of a table of predictions, and which one that is; see `pick_scores`."""
    table = pin_table(spark, name)
    return pick_scores(read_pinned(spark, table), key, f"scores {name}"), table


def pick_scores(rows: DataFrame, key: str, what: str) -> DataFrame:
    """Of each item the latest prediction without an error: `item_key` string, and the columns that there are.

    Of predictions of one moment always the same one is taken, whatever their order. DataError when the key is absent.
    Items without a key are left out.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    require_columns(rows, [key], what)
    if "error" in rows.columns:
        rows = rows.where("error IS NULL")
    rows = rows.withColumn("item_key", F.col(quote_column(key)).cast("string")).where("length(item_key) > 0")
    moments = [F.col("scored_at").desc()] if "scored_at" in rows.columns else []
    latest = Window.partitionBy("item_key").orderBy(*moments, _hash_row(rows))
    return rows.withColumn("_place", F.row_number().over(latest)).where("_place = 1").drop("_place")


def _hash_row(rows: DataFrame) -> Column:
    from pyspark.sql import functions as F

    columns = [(F.col(quote_column(field.name)), field.dataType.simpleString()) for field in rows.schema]
    # Spark has no hash of maps and variants.
    has_none = ("map<", "variant")
    return F.xxhash64(
        *(F.to_json(F.struct(column)) if any(name in kind for name in has_none) else column for column, kind in columns)
    )


def as_numbers(rows: DataFrame, column: str, what: str) -> Column:
    """A column of arrays of numbers, or of maps to numbers, as array<double>; DataError where it is neither."""
    from pyspark.sql import functions as F

    require_columns(rows, [column], what)
    kind = rows.schema[column].dataType.simpleString()
    found = F.col(quote_column(column))
    if kind.startswith("map<string,"):
        # By name, so that all rows have one order.
        return F.transform(F.array_sort(F.map_keys(found)), lambda name: F.element_at(found, name)).cast(
            "array<double>"
        )
    if kind in ("array<float>", "array<double>", "array<int>", "array<bigint>"):
        return found.cast("array<double>")
    raise DataError(f"{what}: column {column!r} is {kind}, an array of numbers is needed")


def choose_column(rows: DataFrame, wanted: Sequence[str], what: str) -> str:
    """The first of these columns that there is; DataError where there is none."""
    for name in wanted:
        if name in rows.columns:
            return name
    raise DataError(f"{what} has none of the columns {', '.join(wanted)}; it has {', '.join(rows.columns[:20])}")

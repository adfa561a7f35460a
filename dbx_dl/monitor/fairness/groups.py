"""Which values of a column are groups of their own, and which are told together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.monitor.scored_rows import explode_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame, Row

NULL_GROUP = "(null)"


@dataclass(frozen=True)
class Groups:
    """The groups of one column, the largest first, and how many further values and rows there are."""

    column: str
    names: tuple[str, ...]
    num_left_out: int
    num_rows_left_out: int

    @property
    def rest(self) -> str:
        """What all further values together are called; no value, as it would be a group's name."""
        return f"({self.num_left_out} other values)"


def find_groups(frame: DataFrame, columns: Sequence[str], max_groups: int) -> tuple[Groups, ...]:
    """The `max_groups` values of each column that most rows of the frame have, in one pass; ties by their text.

    DataError for a column of lists, structs or maps.
    """
    from pyspark.sql import Window as RowWindow
    from pyspark.sql import functions as F

    for name in columns:
        kind = frame.schema[name].dataType
        if kind.typeName() in ("array", "struct", "map", "binary", "variant"):
            raise DataError(f"column {name!r} holds {kind.simpleString()}, which are no groups: name another column")
    value = F.coalesce("value", F.lit(NULL_GROUP)).alias("value")
    counted = frame.select(explode_values(columns)).groupBy("column", value).count()
    order = RowWindow.partitionBy("column").orderBy(F.desc("count"), "value")
    is_kept = F.col("place") <= max_groups
    told = (
        counted.withColumn("place", F.row_number().over(order))
        .groupBy("column", F.when(is_kept, F.col("place")).alias("place"))
        .agg(F.min(F.when(is_kept, F.col("value"))).alias("value"), F.count("*").alias("values"), F.sum("count"))
        .collect()
    )
    return tuple(_describe(place, name, told) for place, name in enumerate(columns))


def name_group(groups: Sequence[Groups]) -> Column:
    """The group of an exploded row: its value, or what the rest is called."""
    from pyspark.sql import functions as F

    name, value = F.lit(None).cast("string"), F.coalesce("value", F.lit(NULL_GROUP))
    for place, found in enumerate(groups):
        if not found.names:
            continue
        own = F.when(value.isin(*found.names), value).otherwise(F.lit(found.rest))
        name = F.when(F.col("column") == place, own).otherwise(name)
    return name


def _describe(place: int, name: str, rows: Sequence[Row]) -> Groups:
    own = [row for row in rows if row["column"] == place]
    kept = sorted((row["place"], row["value"]) for row in own if row["place"] is not None)
    rest = [row for row in own if row["place"] is None]
    num_values, num_rows = (rest[0]["values"], rest[0]["sum(count)"]) if rest else (0, 0)
    return Groups(name, tuple(value for _, value in kept), num_values, num_rows)

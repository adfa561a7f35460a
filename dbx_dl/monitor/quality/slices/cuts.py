"""Columns cut into parts: the values of texts and booleans, ranges of numbers, and nulls."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.monitor.late_labels import IS_DISPUTED, LABELLED_AT, TRUTH
from dbx_dl.monitor.scored_rows import LINEAGE, explode_values
from dbx_dl.runtime.tables import quote_column
from dbx_dl.score.outputs.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructField, StructType

    from dbx_dl.config import SlicesConfig
    from dbx_dl.contracts import Target

NULL_PART, OTHER_PART = -1, -2
_NUMBERS = ("byte", "short", "integer", "long", "float", "double", "decimal")
_TEXTS = ("string", "boolean", "varchar", "char")
# What scorers make beside a task's predictions, and what joins say of rows.
_NO_INPUTS = ("label", "labels", "probability", "top_k", "embedding", "has_inputs", "cluster")
_ONE_PROBABILITY = "probability_of_"
_ACCURACY = 1000
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Cut:
    """A column's parts: `values` of texts by number, or `edges` between ranges of numbers, each up to its edge."""

    column: str
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    def place(self) -> Column:
        """The number of a row's part: that of its value or range, NULL_PART, or OTHER_PART for a rarer value."""
        from pyspark.sql import functions as F

        column = F.col(quote_column(self.column))
        if self.edges:
            number = column.cast("double")
            place = F.lit(len(self.edges))
            for position in reversed(range(len(self.edges))):
                place = F.when(number <= self.edges[position], position).otherwise(place)
            # To Spark, NaN is greater than every number.
            return F.when(column.isNull() | F.isnan(number), NULL_PART).otherwise(place)
        text = column.cast("string")
        found = F.array_position(F.array(*(F.lit(value) for value in self.values)), text).cast("int") - 1
        return F.when(text.isNull(), NULL_PART).when(found >= 0, found).otherwise(OTHER_PART)

    def name(self, place: int) -> str:
        """What a part is called: `colour = red`, `10 < age <= 20`, `age is null`."""
        if place == NULL_PART:
            return f"{self.column} is null"
        if not self.edges:
            return f"{self.column} = {self.values[place][:_SHOWN_CHARACTERS]}"
        if place == 0:
            return f"{self.column} <= {self.edges[0]:g}"
        if place == len(self.edges):
            return f"{self.column} > {self.edges[-1]:g}"
        return f"{self.edges[place - 1]:g} < {self.column} <= {self.edges[place]:g}"

    def find(self, value: float | str | None) -> int:
        """The same place for one value, as `place` finds it in Spark."""
        if value is None or value != value:
            return NULL_PART
        if self.edges:
            return bisect_left(self.edges, float(value))
        return self.values.index(str(value)) if str(value) in self.values else OTHER_PART


def list_columns(joined: DataFrame, target: Target, config: SlicesConfig) -> tuple[str, ...]:
    """The columns that slices are looked for in: those asked for, else what holds texts, booleans or numbers.

    Those that are told whatever is found come last.
    """
    return tuple(dict.fromkeys((*_choose_columns(joined, target, config), *config.told_columns)))


def _choose_columns(joined: DataFrame, target: Target, config: SlicesConfig) -> tuple[str, ...]:
    if config.columns:
        return config.columns
    taken = {
        *LINEAGE,
        *_NO_INPUTS,
        TRUTH,
        IS_DISPUTED,
        LABELLED_AT,
        *kind_of(target).list_columns(target),
        target.column,
    }
    fields: StructType = joined.schema
    fit = [field.name for field in fields if field.name not in taken and _is_fit(field)]
    return tuple(fit[: config.max_columns])


def cut_columns(usable: DataFrame, columns: Sequence[str], config: SlicesConfig) -> tuple[Cut, ...]:
    """How each column is cut, by the rows of all windows: one pass for numbers and one for texts.

    Columns with a single part are left out.
    """
    numbers = [name for name in columns if _is_number(usable, name)]
    texts = [name for name in columns if name not in numbers]
    found = {cut.column: cut for cut in (*_cut_numbers(usable, numbers, config), *_cut_texts(usable, texts, config))}
    return tuple(found[name] for name in columns if name in found)


def _is_fit(field: StructField) -> bool:
    kind = field.dataType.typeName().partition("(")[0]
    return kind in (*_NUMBERS, *_TEXTS) and not field.name.startswith(_ONE_PROBABILITY)


def _is_number(rows: DataFrame, name: str) -> bool:
    return rows.schema[name].dataType.typeName().partition("(")[0] in _NUMBERS


def _cut_numbers(rows: DataFrame, names: Sequence[str], config: SlicesConfig) -> Iterator[Cut]:
    from pyspark.sql import functions as F

    if not names:
        return
    levels = [k / config.num_bins for k in range(1, config.num_bins)]
    columns = [F.nanvl(F.col(quote_column(name)).cast("double"), F.lit(None)) for name in names]
    aggregates = [F.percentile_approx(column, levels, _ACCURACY).alias(f"q{k}") for k, column in enumerate(columns)]
    largest = [F.max(column).alias(f"m{k}") for k, column in enumerate(columns)]
    row = rows.agg(*aggregates, *largest).collect()[0]
    for k, name in enumerate(names):
        # An edge at the largest number would leave a range without rows.
        edges = sorted({edge for edge in row[f"q{k}"] or () if edge < row[f"m{k}"]})
        if edges:
            yield Cut(name, edges=tuple(edges))
        elif row[f"m{k}"] is not None:
            yield Cut(name, edges=(row[f"m{k}"],))


def _cut_texts(rows: DataFrame, names: Sequence[str], config: SlicesConfig) -> Iterator[Cut]:
    from pyspark.sql import Window as RowWindow
    from pyspark.sql import functions as F

    if not names:
        return
    exploded = rows.select(explode_values(names)).where(F.col("value").isNotNull()).groupBy("column", "value").count()
    order = RowWindow.partitionBy("column").orderBy(F.desc("count"), "value")
    kept = exploded.withColumn("place", F.row_number().over(order)).where(
        (F.col("place") <= config.max_values) & (F.col("count") >= config.min_rows)
    )
    found = sorted((row["column"], row["place"], row["value"]) for row in kept.collect())
    for place, name in enumerate(names):
        values = tuple(value for column, _, value in found if column == place)
        if values:
            yield Cut(name, values=values)

"""What the train split tells of columns of numbers by step: how long rows are, and how their numbers are spread."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.prepare.tabular.lengths import Lengths
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class StepMeasures(Lengths):
    """Rows by their number of steps, and the column's finite numbers: how many, their range, mean and deviation.

    Without any finite number the others are 0.
    """

    num_numbers: int = 0
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0


def measure_steps(train: DataFrame, names: Sequence[str]) -> dict[str, StepMeasures]:
    """Measures of columns array<double>, all arrays of a row equally long, in two passes over the rows of `train`."""
    from pyspark.sql import functions as F

    lengths = count_lengths(train, names[0])
    cells = F.array(
        *(F.struct(F.lit(i).alias("i"), F.col(quote_column(name)).alias("numbers")) for i, name in enumerate(names))
    )
    numbers = train.select(F.explode(cells).alias("cell")).select("cell.i", F.explode("cell.numbers").alias("x"))
    # To Spark, NaN is greater than every number.
    finite = numbers.where(F.abs("x") <= sys.float_info.max)
    parts = (F.count("x"), F.min("x"), F.max("x"), F.avg("x"), F.stddev_pop("x"))
    found = finite.groupBy("i").agg(*(part.alias(f"_{n}") for n, part in enumerate(parts))).collect()
    measured = {row["i"]: tuple(row)[1:] for row in found}
    return {name: StepMeasures(lengths, *measured.get(i, ())) for i, name in enumerate(names)}


def count_lengths(train: DataFrame, name: str) -> dict[int, int]:
    """Rows by the length of their array; null is an empty one."""
    from pyspark.sql import functions as F

    column = F.col(quote_column(name))
    length = F.when(column.isNull(), 0).otherwise(F.size(column)).alias("length")
    return {row["length"]: row["count"] for row in train.groupBy(length).count().collect()}

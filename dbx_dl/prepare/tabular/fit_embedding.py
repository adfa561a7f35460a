"""Columns of number arrays become fitted features: the mean of every element, and its deviation where asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import EmbeddingFeature
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from dbx_dl.config import EmbeddingColumn
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures


def fit_embeddings(
    train: DataFrame, columns: Mapping[str, EmbeddingColumn], measures: Mapping[str, ColumnMeasures]
) -> dict[str, EmbeddingFeature]:
    """Features of array<double> columns that have a value, in one pass over all of them.

    A null array becomes the mean of the others. `standard` is mean and population deviation per element, null arrays
    filled; elements that never change have scale 1.
    """
    from pyspark.sql import functions as F

    cells = F.array(
        *(F.struct(F.lit(i).alias("i"), F.col(quote_column(name)).alias("elements")) for i, name in enumerate(columns))
    )
    elements = train.select(F.explode(cells).alias("cell")).select("cell.i", F.posexplode("cell.elements"))
    deviations = (F.min("col").alias("min"), F.max("col").alias("max"), F.stddev_pop("col").alias("deviation"))
    found = elements.groupBy("i", "pos").agg(F.avg("col").alias("mean"), *deviations).orderBy("i", "pos").collect()
    return {
        name: _fit(name, column, measures[name], [row for row in found if row["i"] == i])
        for i, (name, column) in enumerate(columns.items())
    }


def _fit(name: str, column: EmbeddingColumn, measures: ColumnMeasures, elements: Sequence[Row]) -> EmbeddingFeature:
    means = tuple(float(row["mean"]) for row in elements)
    scales = tuple(1.0 for _ in elements)
    if column.scale == "standard":
        share = math.sqrt(measures.num_values / measures.num_rows)
        scales = tuple(1.0 if row["min"] == row["max"] else share * row["deviation"] for row in elements)
    if not all(math.isfinite(mean) and 0 < scale < math.inf for mean, scale in zip(means, scales, strict=True)):
        raise DataError(f"column {name!r} has elements too far apart for a mean and a deviation in float64")
    centers = means if column.scale == "standard" else tuple(0.0 for _ in elements)
    return EmbeddingFeature(column=name, size=len(means), fill=means, center=centers, scale=scales)

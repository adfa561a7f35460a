"""The FeatureSpec of a table, fitted on its train split in two passes of Spark aggregates."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import CategoricalFeature, FeatureSpec, NumericFeature
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

logger = logging.getLogger(__name__)

# Rank error of a median is at most 1 / accuracy; below that many distinct values it is exact.
_MEDIAN_ACCURACY = 10_000


def fit_features(train: DataFrame, kinds: Mapping[str, str], max_categories: int) -> FeatureSpec:
    """Statistics of typed columns (double or string, non-finite numbers already null) over the rows of `train`.

    Numeric: `fill` is the (lower) median, `center` and `scale` are mean and population deviation after filling;
    scale is 1 for a constant column. Categorical: the `max_categories` most frequent values, ties by name, in order
    of name. Columns without any value are left out with a warning; DataError when none is left.
    """
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    categorical = [name for name, kind in kinds.items() if kind == "categorical"]
    fitted: dict[str, NumericFeature | CategoricalFeature] = {}
    fitted |= _fit_numeric(train, numeric) if numeric else {}
    fitted |= _fit_categorical(train, categorical, max_categories) if categorical else {}
    for name in kinds:
        if name not in fitted:
            logger.warning("column %r has no value in the train split: it is left out", name)
    if not fitted:
        raise DataError(f"none of the {len(kinds)} feature columns has a value in the train split")
    return FeatureSpec(features=tuple(fitted[name] for name in kinds if name in fitted))


def _fit_numeric(train: DataFrame, names: Sequence[str]) -> dict[str, NumericFeature]:
    from pyspark.sql import functions as F

    aggregates = [F.count("*").alias("rows")]
    for i, name in enumerate(names):
        column = F.col(quote_column(name))
        aggregates += [
            F.count(column).alias(f"count_{i}"),
            F.percentile_approx(column, 0.5, _MEDIAN_ACCURACY).alias(f"median_{i}"),
            F.avg(column).alias(f"mean_{i}"),
            F.stddev_pop(column).alias(f"deviation_{i}"),
            F.min(column).alias(f"min_{i}"),
            F.max(column).alias(f"max_{i}"),
        ]
    found = train.agg(*aggregates).collect()[0]
    return {name: _numeric_feature(name, found, i) for i, name in enumerate(names) if found[f"count_{i}"] > 0}


def _numeric_feature(name: str, found: Row, i: int) -> NumericFeature:
    """Mean and deviation after filling, from those of the values alone; so one pass is enough."""
    fill = float(found[f"median_{i}"])
    if found[f"min_{i}"] == found[f"max_{i}"]:
        return NumericFeature(column=name, fill=fill, center=fill, scale=1.0)
    share = found[f"count_{i}"] / found["rows"]
    mean, deviation = found[f"mean_{i}"], found[f"deviation_{i}"]
    center = share * mean + (1 - share) * fill
    within = share * deviation**2
    between = share * (mean - center) ** 2 + (1 - share) * (fill - center) ** 2
    scale = math.sqrt(within + between)
    if not (math.isfinite(center) and math.isfinite(scale) and scale > 0):
        raise DataError(
            f"column {name!r} spans {found[f'min_{i}']:g} to {found[f'max_{i}']:g}, too far for a mean and a "
            "deviation in float64: rescale it in the source or leave it out under `columns`"
        )
    return NumericFeature(column=name, fill=fill, center=center, scale=scale)


def _fit_categorical(train: DataFrame, names: Sequence[str], max_categories: int) -> dict[str, CategoricalFeature]:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    cells = F.array(
        *(F.struct(F.lit(i).alias("i"), F.col(quote_column(n)).alias("value")) for i, n in enumerate(names))
    )
    counts = train.select(F.explode(cells).alias("cell")).select("cell.*").dropna().groupBy("i", "value").count()
    of_column = Window.partitionBy("i")
    ranked = counts.withColumns(
        {
            "rank": F.row_number().over(of_column.orderBy(F.desc("count"), "value")),
            "distinct": F.count("*").over(of_column),
        }
    )
    kept = ranked.where(F.col("rank") <= max_categories).select("i", "value", "distinct").collect()
    features: dict[str, CategoricalFeature] = {}
    for i, name in enumerate(names):
        values = [row for row in kept if row["i"] == i]
        if not values:
            continue
        if values[0]["distinct"] > max_categories:
            logger.warning(
                "column %r has %d categories: the %d most frequent are kept, the others count as unknown",
                name,
                values[0]["distinct"],
                max_categories,
            )
        features[name] = CategoricalFeature(column=name, categories=tuple(sorted(row["value"] for row in values)))
    return features

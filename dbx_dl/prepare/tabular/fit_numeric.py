"""Numeric and boolean columns become fitted features: fill, bounds, logarithm, center and scale."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import NumericFeature
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.column_measures import QUANTILE_ACCURACY
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import BooleanColumn, NumericColumn
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures

_QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Spread:
    """How a column's values are distributed, filled and transformed as the encoder does it before it scales."""

    minimum: float
    maximum: float
    mean: float
    deviation: float
    quartiles: tuple[float, ...] = ()


def fit_numeric(
    train: DataFrame, columns: Mapping[str, NumericColumn], measures: Mapping[str, ColumnMeasures]
) -> dict[str, NumericFeature]:
    """Features of double columns that have a value; another pass only where values are transformed before scaling.

    DataError when a column spans too much for its statistics in float64.
    """
    drafts = {name: _draft(name, column, measures[name]) for name, column in columns.items()}
    transformed = {name: draft for name, draft in drafts.items() if _needs_pass(columns[name], measures[name])}
    spreads = _measure_transformed(train, transformed) if transformed else {}
    return {
        name: _scale(draft, columns[name].scale, spreads.get(name) or fill_spread(measures[name], draft.fill))
        for name, draft in drafts.items()
    }


def fit_boolean(name: str, column: BooleanColumn, measures: ColumnMeasures) -> NumericFeature:
    """A feature of 0 and 1, left as they are; null becomes the more frequent of them (0 at a tie), or what is asked."""
    is_mostly_true = measures.mean is not None and measures.mean > 0.5
    fill = is_mostly_true if column.impute == "most_frequent" else column.impute == "true"
    return NumericFeature(
        column=name, is_boolean=True, fill=float(fill), center=0.0, scale=1.0, add_indicator=column.add_indicator
    )


def fill_spread(measures: ColumnMeasures, fill: float) -> Spread:
    """The spread after null became `fill`, from that of the values alone; so no other pass is needed.

    Quartiles only where nothing is null. What overflows is infinite or NaN.
    """
    share = measures.num_values / measures.num_rows
    values = [_known(measures.minimum), _known(measures.maximum)] + ([fill] if measures.num_nulls else [])
    mean, deviation = _known(measures.mean), _known(measures.deviation)
    if min(values) == max(values):
        return Spread(values[0], values[0], values[0], 0.0)
    center = share * mean + (1 - share) * fill
    within = share * _square(deviation)
    between = share * _square(mean - center) + (1 - share) * _square(fill - center)
    quartiles = () if measures.num_nulls else tuple(measures.quantiles[share] for share in _QUARTILES)
    return Spread(min(values), max(values), center, math.sqrt(within + between), quartiles)


def _draft(name: str, column: NumericColumn, measures: ColumnMeasures) -> NumericFeature:
    """The feature up to its center and scale."""
    fills = {
        "mean": measures.mean,
        "median": measures.quantiles[0.5],
        "most_frequent": float(measures.top[0][0]) if measures.top else None,
        "constant": column.fill_value,
    }
    fill = _known(fills[column.impute])
    if not math.isfinite(fill):
        raise _too_far(name, _known(measures.minimum), _known(measures.maximum))
    lower, upper = (None, None)
    if column.clip_quantiles:
        lower, upper = (measures.quantiles[share] for share in column.clip_quantiles)
    return NumericFeature(
        column=name,
        fill=fill,
        lower=lower,
        upper=upper,
        log1p=column.log1p,
        center=0.0,
        scale=1.0,
        add_indicator=column.add_indicator,
    )


def _needs_pass(column: NumericColumn, measures: ColumnMeasures) -> bool:
    if column.scale == "none":
        return False
    is_filled_robust = column.scale == "robust" and measures.num_nulls > 0
    return column.log1p or column.clip_quantiles is not None or is_filled_robust


def _measure_transformed(train: DataFrame, drafts: Mapping[str, NumericFeature]) -> dict[str, Spread]:
    from pyspark.sql import functions as F

    aggregates: list[Column] = []
    for i, draft in enumerate(drafts.values()):
        value = transform_values(draft)
        quartiles = F.percentile_approx(value, F.array(*(F.lit(share) for share in _QUARTILES)), QUANTILE_ACCURACY)
        counts = (F.min(value), F.max(value), F.avg(value), F.stddev_pop(value), quartiles)
        aggregates.append(F.struct(*(count.alias(f"x{j}") for j, count in enumerate(counts))).alias(f"spread_{i}"))
    found = train.agg(*aggregates).collect()[0]
    spreads = {}
    for i, name in enumerate(drafts):
        minimum, maximum, mean, deviation, quartiles = found[f"spread_{i}"]
        spreads[name] = Spread(minimum, maximum, mean, deviation, tuple(quartiles))
    return spreads


def transform_values(feature: NumericFeature) -> Column:
    """What the encoder makes of a double column before it scales: filled, clipped, logged."""
    from pyspark.sql import functions as F

    value = F.coalesce(F.col(quote_column(feature.column)), F.lit(feature.fill))
    if feature.lower is not None:
        value = F.greatest(value, F.lit(feature.lower))
    if feature.upper is not None:
        value = F.least(value, F.lit(feature.upper))
    return F.signum(value) * F.log1p(F.abs(value)) if feature.log1p else value


def _scale(draft: NumericFeature, scale: str, spread: Spread) -> NumericFeature:
    if scale == "none":
        return draft
    if spread.minimum == spread.maximum:
        return draft.model_copy(update={"center": spread.minimum, "scale": 1.0})
    center, width = spread.mean, spread.deviation
    if scale == "min_max":
        center, width = spread.minimum, spread.maximum - spread.minimum
    elif scale == "robust":
        first, center, third = spread.quartiles
        # More than half of the values may be one: then they are only centered.
        width = third - first or 1.0
    if not (math.isfinite(center) and sys.float_info.min <= width < math.inf):
        raise _too_far(draft.column, spread.minimum, spread.maximum)
    return draft.model_copy(update={"center": center, "scale": width})


def _too_far(name: str, minimum: float, maximum: float) -> DataError:
    return DataError(
        f"column {name!r} spans {minimum:g} to {maximum:g}, too far for a mean and a deviation in float64: rescale it "
        "in the source, or declare it as ignore under `columns`"
    )


def _square(value: float) -> float:
    # Unlike `**`, multiplication makes infinity of what is too large.
    return value * value


def _known(value: float | None) -> float:
    if value is None:
        raise AssertionError("a column without values cannot be fitted")
    return value

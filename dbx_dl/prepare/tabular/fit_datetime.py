"""Timestamp columns become fitted features: the median for null, and the scale of the time elapsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import DatetimeFeature
from dbx_dl.prepare.tabular.fit_numeric import fill_spread

if TYPE_CHECKING:
    from dbx_dl.config import DatetimeColumn
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures


def fit_datetime(name: str, column: DatetimeColumn, measures: ColumnMeasures) -> DatetimeFeature:
    """Null becomes the median, in microseconds; center and scale are mean and population deviation of the seconds."""
    fill = round(measures.quantiles[0.5] * 1e6)
    spread = fill_spread(measures, fill / 1e6)
    is_scaled = column.elapsed and spread.deviation > 0
    return DatetimeFeature(
        column=name,
        fill=fill,
        parts=column.parts,
        elapsed=column.elapsed,
        center=spread.mean if column.elapsed else 0.0,
        scale=spread.deviation if is_scaled else 1.0,
        add_indicator=column.add_indicator,
    )

"""Measures of the train split become the profiles that are kept with a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import ColumnProfile
from dbx_dl.prepare.tabular.column_measures import NUM_TOP, PROFILE_QUANTILES

if TYPE_CHECKING:
    from dbx_dl.config import ColumnConfig
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures


def profile_columns(
    columns: Mapping[str, ColumnConfig], measures: Mapping[str, ColumnMeasures]
) -> tuple[ColumnProfile, ...]:
    """One profile per column that is no ignored one; datetime columns in seconds since 1970, booleans as 0 and 1."""
    return tuple(_profile(name, column, measures[name]) for name, column in columns.items() if name in measures)


def _profile(name: str, column: ColumnConfig, measures: ColumnMeasures) -> ColumnProfile:
    quantiles = {f"{share:g}": measures.quantiles[share] for share in PROFILE_QUANTILES if share in measures.quantiles}
    return ColumnProfile(
        column=name,
        kind=column.kind,
        num_rows=measures.num_rows,
        num_nulls=measures.num_nulls,
        num_distinct=measures.num_distinct,
        minimum=measures.minimum,
        maximum=measures.maximum,
        mean=measures.mean,
        deviation=measures.deviation,
        quantiles=quantiles,
        top=dict(measures.top[:NUM_TOP]) if column.kind == "categorical" else {},
    )

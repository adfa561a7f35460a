"""Measures of the train split become the profiles that are kept with a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import ColumnProfile
from dbx_dl.prepare.tabular.column_measures import LABEL, NUM_TOP, PROFILE_QUANTILES

if TYPE_CHECKING:
    from dbx_dl.config import ColumnConfig
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures


def profile_columns(
    columns: Mapping[str, ColumnConfig], measures: Mapping[str, ColumnMeasures]
) -> tuple[ColumnProfile, ...]:
    """One profile per column that is no ignored one; datetime columns in seconds since 1970, booleans as 0 and 1.

    A label of numbers has one too, as the table's last column.
    """
    profiles = [_profile(name, column.kind, measures[name]) for name, column in columns.items() if name in measures]
    if LABEL in measures and LABEL not in columns:
        profiles.append(_profile(LABEL, "numeric", measures[LABEL]))
    return tuple(profiles)


def _profile(name: str, kind: str, measures: ColumnMeasures) -> ColumnProfile:
    quantiles = {f"{share:g}": measures.quantiles[share] for share in PROFILE_QUANTILES if share in measures.quantiles}
    return ColumnProfile(
        column=name,
        kind=kind,
        num_rows=measures.num_rows,
        num_nulls=measures.num_nulls,
        num_distinct=measures.num_distinct,
        minimum=measures.minimum,
        maximum=measures.maximum,
        mean=measures.mean,
        deviation=measures.deviation,
        quantiles=quantiles,
        top=dict(measures.top[:NUM_TOP]) if kind == "categorical" else {},
    )

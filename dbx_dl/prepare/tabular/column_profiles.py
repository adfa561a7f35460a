"""Measures of the train split become the profiles that are kept with a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import ColumnProfile
from dbx_dl.prepare.tabular.column_measures import LABEL, NUM_TOP, PROFILE_QUANTILES

if TYPE_CHECKING:
    from dbx_dl.config import ColumnConfig
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures
    from dbx_dl.prepare.tabular.token_measures import TokenMeasures


def profile_columns(
    columns: Mapping[str, ColumnConfig], measures: Mapping[str, ColumnMeasures]
) -> tuple[ColumnProfile, ...]:
    """One profile per column that is no ignored one; datetime columns in seconds since 1970, booleans as 0 and 1.

    Numbers of a text are its tokens': how many it has, and the most frequent ones.
    A label of numbers has one too, as the table's last column.
    """
    profiles = [_profile(name, column.kind, measures[name]) for name, column in columns.items() if name in measures]
    if LABEL in measures and LABEL not in columns:
        profiles.append(_profile(LABEL, "numeric", measures[LABEL]))
    return tuple(profiles)


def _profile_text(name: str, measures: ColumnMeasures, tokens: TokenMeasures) -> ColumnProfile:
    mean, deviation = tokens.moments
    return ColumnProfile(
        column=name,
        kind="text",
        num_rows=measures.num_rows,
        num_nulls=measures.num_nulls,
        num_distinct=tokens.num_distinct,
        minimum=min(tokens.lengths, default=0),
        maximum=tokens.longest,
        mean=mean,
        deviation=deviation,
        quantiles={f"{share:g}": tokens.find_quantile(share) for share in PROFILE_QUANTILES},
        top=dict(tokens.top[:NUM_TOP]),
    )


def _profile(name: str, kind: str, measures: ColumnMeasures) -> ColumnProfile:
    if measures.tokens is not None:
        return _profile_text(name, measures, measures.tokens)
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

"""The spec of a table's inputs, fitted on its train split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.config import (
    BooleanColumn,
    CategoricalColumn,
    DatetimeColumn,
    EmbeddingColumn,
    NumericColumn,
    StepsColumn,
    TextColumn,
)
from dbx_dl.contracts import ColumnsSpec, Feature, FeatureSpec, TextAndColumnsSpec, TextSpec
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.column_measures import measure_columns
from dbx_dl.prepare.tabular.fit_categorical import fit_categorical
from dbx_dl.prepare.tabular.fit_datetime import fit_datetime
from dbx_dl.prepare.tabular.fit_embedding import fit_embeddings
from dbx_dl.prepare.tabular.fit_numeric import fit_boolean, fit_numeric
from dbx_dl.prepare.tabular.fit_steps import fit_steps
from dbx_dl.prepare.tabular.fit_text import fit_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import ColumnConfig
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures


def fit_features(
    train: DataFrame,
    columns: Mapping[str, ColumnConfig],
    max_categories: int,
    measures: Mapping[str, ColumnMeasures] | None = None,
) -> ColumnsSpec:
    """Statistics of typed columns (as `check_rows` makes them) over the rows of `train`, in the order of `columns`.

    `measures` are those of `measure_columns` where they are known already; then only transformed numbers and
    embeddings need a pass of their own. Columns without any value are left out; DataError when none is left. A text
    that is alone has a TextSpec, one beside other columns a TextAndColumnsSpec, numbers by step have a StepsSpec.
    """
    if measures is None:
        measures = measure_columns(train, columns, max_categories)
    known = {name: column for name, column in columns.items() if name in measures and measures[name].num_values}
    steps = {name: column for name, column in known.items() if isinstance(column, StepsColumn)}
    if steps:
        return fit_steps(steps, {name: found for name in steps if (found := measures[name].steps) is not None})
    text = _fit_text(known, measures)
    features = _fit_features(train, known, measures, max_categories)
    if text is None and not features:
        raise DataError(f"none of the {len(columns)} feature columns has a value in the train split")
    table = FeatureSpec(features=features)
    if text is None:
        return table
    return TextAndColumnsSpec(text=text.text, table=table) if features else text


def _fit_text(columns: Mapping[str, ColumnConfig], measures: Mapping[str, ColumnMeasures]) -> TextSpec | None:
    for name, column in columns.items():
        if isinstance(column, TextColumn) and (tokens := measures[name].tokens) is not None:
            return fit_text(name, column, tokens)
    return None


def _fit_features(
    train: DataFrame,
    known: Mapping[str, ColumnConfig],
    measures: Mapping[str, ColumnMeasures],
    max_categories: int,
) -> tuple[Feature, ...]:
    """Features of all columns but texts, those of which something can be told."""
    numeric = {name: column for name, column in known.items() if isinstance(column, NumericColumn)}
    embeddings = {name: column for name, column in known.items() if isinstance(column, EmbeddingColumn)}
    fitted: dict[str, Feature | None] = {}
    fitted |= fit_numeric(train, numeric, measures)
    fitted |= fit_embeddings(train, embeddings, measures) if embeddings else {}
    for name, column in known.items():
        if isinstance(column, CategoricalColumn):
            fitted[name] = fit_categorical(name, column, measures[name], max_categories)
        elif isinstance(column, BooleanColumn):
            fitted[name] = fit_boolean(name, column, measures[name])
        elif isinstance(column, DatetimeColumn):
            fitted[name] = fit_datetime(name, column, measures[name])
    return tuple(feature for name in known if (feature := fitted.get(name)) is not None)

"""The spec of a table's inputs, fitted on its train split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.config import BooleanColumn, CategoricalColumn, DatetimeColumn, EmbeddingColumn, NumericColumn, TextColumn
from dbx_dl.contracts import ColumnsSpec, Feature, FeatureSpec
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.column_measures import measure_columns
from dbx_dl.prepare.tabular.fit_categorical import fit_categorical
from dbx_dl.prepare.tabular.fit_datetime import fit_datetime
from dbx_dl.prepare.tabular.fit_embedding import fit_embeddings
from dbx_dl.prepare.tabular.fit_numeric import fit_boolean, fit_numeric
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
    embeddings need a pass of their own. Columns without any value are left out; DataError when none is left. A text is
    alone and has a TextSpec.
    """
    if measures is None:
        measures = measure_columns(train, columns, max_categories)
    known = {name: column for name, column in columns.items() if name in measures and measures[name].num_values}
    for name, column in known.items():
        if isinstance(column, TextColumn) and (tokens := measures[name].tokens) is not None:
            return fit_text(name, column, tokens)
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
    features = [fitted[name] for name in columns if fitted.get(name) is not None]
    if not features:
        raise DataError(f"none of the {len(columns)} feature columns has a value in the train split")
    return FeatureSpec(features=tuple(feature for feature in features if feature is not None))

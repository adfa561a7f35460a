"""Text columns become vocabularies of their frequent values, or hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import CategoricalFeature, HashedFeature

if TYPE_CHECKING:
    from dbx_dl.config import CategoricalColumn
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures


def fit_categorical(
    name: str, column: CategoricalColumn, measures: ColumnMeasures, max_categories: int
) -> CategoricalFeature | HashedFeature | None:
    """The most frequent values that occur `min_count` times, in order of name; None where there is none.

    The column's own `max_categories` counts before the table's. With `hash_buckets` there is no vocabulary.
    """
    if column.hash_buckets:
        return HashedFeature(column=name, num_buckets=column.hash_buckets)
    frequent = measures.top[: column.max_categories or max_categories]
    categories = sorted(value for value, count in frequent if count >= column.min_count)
    return CategoricalFeature(column=name, categories=tuple(categories)) if categories else None

"""Vocabularies: which values are kept, and in which order."""

from __future__ import annotations

import pytest

from dbx_dl.config import CategoricalColumn
from dbx_dl.contracts import CategoricalFeature, HashedFeature
from dbx_dl.prepare.tabular.column_measures import ColumnMeasures
from dbx_dl.prepare.tabular.fit_categorical import fit_categorical

MEASURES = ColumnMeasures(num_rows=99, num_values=99, top=(("w", 9), ("b", 5), ("c", 5), ("a", 1)))


@pytest.mark.parametrize(
    ("column", "categories"),
    [
        (CategoricalColumn(), ("b", "c", "w")),
        (CategoricalColumn(max_categories=2), ("b", "w")),
        (CategoricalColumn(max_categories=10), ("a", "b", "c", "w")),
        (CategoricalColumn(min_count=5, max_categories=10), ("b", "c", "w")),
        (CategoricalColumn(min_count=9), ("w",)),
    ],
)
def test_frequent_values_in_order_of_name(column: CategoricalColumn, categories: tuple[str, ...]) -> None:
    found = fit_categorical("x", column, MEASURES, max_categories=3)
    assert found == CategoricalFeature(column="x", categories=categories)


def test_hashes_and_nothing() -> None:
    hashed = CategoricalColumn(hash_buckets=8)
    assert fit_categorical("x", hashed, MEASURES, 3) == HashedFeature(column="x", num_buckets=8)
    assert fit_categorical("x", CategoricalColumn(min_count=10), MEASURES, 3) is None

"""Sentences about columns and classes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.config import CategoricalColumn, ColumnConfig, NumericColumn
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.column_measures import ColumnMeasures
from dbx_dl.prepare.tabular.table_checks import (
    describe_classes,
    describe_columns,
    describe_lost_letters,
    require_varied_label,
)


def measured(num_values: int = 50, **changes: Any) -> ColumnMeasures:
    return ColumnMeasures(num_rows=50, num_values=num_values, **changes)


VARIED = measured(minimum=0.0, maximum=1.0)
ONE = measured(minimum=7.0, maximum=7.0)
TOWNS = tuple((f"t{i}", 30 - i) for i in range(22))


@pytest.mark.parametrize(
    ("column", "measures", "sentence"),
    [
        (NumericColumn(), measured(0), "column 'x' has no value in the train split: it is left out"),
        (NumericColumn(), ONE, "column 'x' has one value only in the train split"),
        (
            NumericColumn(),
            measured(49, minimum=7.0, maximum=7.0),
            "column 'x' has one value only in the train split and 1 nulls",
        ),
        (CategoricalColumn(), measured(top=TOWNS[:1]), "column 'x' has one value only in the train split"),
        (
            CategoricalColumn(max_categories=21),
            measured(top=TOWNS, num_distinct=900),
            "column 'x' has about 900 categories: the 21 most frequent are kept, the others count as unknown",
        ),
        (
            CategoricalColumn(),
            measured(top=TOWNS[:4], num_distinct=4),
            "column 'x' has 4 categories: the 3 most frequent are kept, the others count as unknown",
        ),
        (
            CategoricalColumn(min_count=31),
            measured(top=TOWNS),
            "column 'x' has no category that occurs 31 times: it is left out",
        ),
        (CategoricalColumn(hash_buckets=2), measured(top=TOWNS, num_distinct=900), None),
        (CategoricalColumn(), measured(top=TOWNS[:3], num_distinct=3), None),
    ],
)
def test_columns(column: ColumnConfig, measures: ColumnMeasures, sentence: str | None) -> None:
    columns: dict[str, ColumnConfig] = {"x": column, "other": NumericColumn()}
    found = describe_columns(columns, {"x": measures, "other": VARIED}, max_categories=3)
    assert found == ([sentence] if sentence else [])


def test_columns_that_tell_nothing_apart_are_refused() -> None:
    columns: dict[str, ColumnConfig] = {"x": NumericColumn(), "y": NumericColumn()}
    with pytest.raises(DataError, match="every feature column has one value only in the train split, such as 'x'"):
        describe_columns(columns, {"x": ONE, "y": measured(0)}, 3)
    assert describe_columns(columns, {"x": measured(40, minimum=7.0, maximum=7.0), "y": ONE}, 3)


def test_labels() -> None:
    require_varied_label({"label": VARIED})
    with pytest.raises(DataError, match="has the label 7: there is nothing to learn"):
        require_varied_label({"label": ONE})
    assert describe_classes(("a", "b"), {"a": 1, "b": 2}) == []
    assert describe_classes(("a", "b"), {"a": 1}) == ["1 classes have no row in the train split, such as 'b'"]


def test_letters_that_reading_lost_are_told() -> None:
    measures = {"town": measured(top=(("Ulm", 9), ("K\ufffdln", 3))), "gr\ufffd\ufffde": ONE, "x": VARIED, "label": ONE}
    told = describe_lost_letters(["ja", "\ufffd"], measures)
    assert [sentence.partition(":")[0] for sentence in told] == [
        "column 'town' has letters that are lost, as in 'K\ufffdln'",
        "column 'gr\ufffd\ufffde' has letters that are lost, as in 'gr\ufffd\ufffde'",
        "column 'label' has letters that are lost, as in '\ufffd'",
    ]
    assert describe_lost_letters(["j\u00e4"], {"town": measured(top=TOWNS)}) == []

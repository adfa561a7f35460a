"""The spread of filled values follows from that of the values alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.config import BooleanColumn
from dbx_dl.prepare.tabular.column_measures import ColumnMeasures
from dbx_dl.prepare.tabular.fit_numeric import fill_spread, fit_boolean

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.integers(0, 20), NUMBERS)
def test_filled(values: list[float], num_nulls: int, fill: float) -> None:
    array = np.array(values)
    measures = ColumnMeasures(
        num_rows=len(values) + num_nulls,
        num_values=len(values),
        minimum=min(values),
        maximum=max(values),
        mean=float(array.mean()),
        deviation=float(array.std()),
        quantiles=dict.fromkeys((0.25, 0.5, 0.75), 0.0),
    )
    filled = np.concatenate([array, np.full(num_nulls, fill)])
    spread = fill_spread(measures, fill)
    assert (spread.minimum, spread.maximum) == (filled.min(), filled.max())
    assert [spread.mean, spread.deviation] == pytest.approx([filled.mean(), filled.std()], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("impute", "mean", "fill"),
    [("most_frequent", 0.6, 1.0), ("most_frequent", 0.5, 0.0), ("true", 0.1, 1.0), ("false", 0.9, 0.0)],
)
def test_booleans(impute: str, mean: float, fill: float) -> None:
    column = BooleanColumn.model_validate({"impute": impute, "add_indicator": True})
    feature = fit_boolean("x", column, ColumnMeasures(num_rows=10, num_values=10, mean=mean))
    assert (feature.fill, feature.center, feature.scale) == (fill, 0.0, 1.0)
    assert (feature.is_boolean, feature.add_indicator) == (True, True)

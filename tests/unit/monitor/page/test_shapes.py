"""Counts become bars that hold all values, on the same places for both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.contracts import Distribution
from dbx_dl.monitor.page.shapes import MAX_VALUES, NULL, OTHER, shape_numbers, shape_values
from tests.unit.monitor.page.looks import count_numbers, count_values


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_bars_hold_all_values_of_both_sides(one: list[float], two: list[float]) -> None:
    bars = shape_numbers(count_numbers(np.array(one)), count_numbers(np.array(two)))
    assert bars is not None and np.all(np.diff(bars.edges) > 0)
    for side in (bars.baseline, bars.window):
        assert side.sum() == pytest.approx(1) and np.all(side >= -1e-12)


def test_bars_are_where_the_values_are() -> None:
    random = np.random.default_rng(3)
    bars = shape_numbers(count_numbers(random.normal(40, 3, 4000)), count_numbers(random.normal(50, 3, 4000)))
    assert bars is not None
    middles = (bars.edges[1:] + bars.edges[:-1]) / 2
    assert middles @ bars.baseline == pytest.approx(40, abs=1) and middles @ bars.window == pytest.approx(50, abs=1)


def test_nothing_is_drawn_of_nothing() -> None:
    empty = Distribution(column="age", kind="number", num_rows=3, num_nulls=3, counts=(0, 0), edges=(1.0,))
    assert shape_numbers(empty, empty) is None
    none = Distribution(column="colour", kind="category", num_rows=0, num_nulls=0, counts=(0,))
    assert shape_values(none, count_values("colour", {"red": 3})) is None


def test_one_value_has_a_width() -> None:
    counts = {"num_rows": 5, "num_nulls": 0, "counts": (0, 5), "edges": (2.0,), "minimum": 2.0, "maximum": 2.0}
    one = Distribution.model_validate({"column": "x", "kind": "number", **counts})
    bars = shape_numbers(one, one)
    assert bars is not None and bars.edges[0] < 2 < bars.edges[-1]


def test_rare_values_are_told_together() -> None:
    many = {f"v{place}": 100 - place for place in range(30)}
    bars = shape_values(count_values("c", many, other=7, num_nulls=9), count_values("c", {"v29": 50}))
    assert bars is not None
    assert bars.names == ("v29", *(f"v{place}" for place in range(MAX_VALUES - 1)), OTHER, NULL)
    assert sum(bars.baseline) == pytest.approx(1) and sum(bars.window) == pytest.approx(1)
    assert bars.window[0] == 1

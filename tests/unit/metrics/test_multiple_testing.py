"""Adjusted p-values are those of scipy, in the order given, and keep false alarms within the share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from dbx_dl.errors import DataError
from dbx_dl.metrics.multiple_testing import adjust_p_values

P_VALUES = st.lists(st.none() | st.floats(0, 1), max_size=40)


@given(P_VALUES)
def test_they_are_those_of_scipy(p_values: list[float | None]) -> None:
    adjusted = adjust_p_values(p_values)
    known = [p for p in p_values if p is not None]
    assert [p is None for p in adjusted] == [p is None for p in p_values]
    found = [p for p in adjusted if p is not None]
    expected = false_discovery_control(known) if known else []
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@given(st.permutations(range(6)))
def test_their_order_does_not_matter(order: list[int]) -> None:
    p_values = (0.001, 0.02, 0.02, 0.3, 0.9, None)
    adjusted = adjust_p_values(p_values)
    assert adjust_p_values([p_values[place] for place in order]) == tuple(adjusted[place] for place in order)


def test_without_a_true_finding_few_looks_fire() -> None:
    rng = np.random.default_rng(0)
    fired = sum(
        min(p for p in adjust_p_values(rng.uniform(size=50).tolist()) if p is not None) <= 0.05 for _ in range(2000)
    )
    # 0.05 of 2000 and four standard deviations above.
    assert 60 <= fired <= 140


@pytest.mark.parametrize("wrong", [-0.1, 1.2, float("nan")])
def test_what_is_no_probability_is_named(wrong: float) -> None:
    with pytest.raises(DataError, match=f"{wrong} is no p-value"):
        adjust_p_values([0.5, wrong])

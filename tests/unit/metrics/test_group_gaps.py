"""Gaps between groups are the plain ones, and their intervals do not take chance for a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.contracts import GroupRates
from dbx_dl.metrics.fairness import measure_gaps
from dbx_dl.metrics.group_gaps import ShareRate, measure_difference, measure_ratio

GROUPS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), min_size=2, max_size=5)


@given(GROUPS)
def test_gaps_are_those_of_the_rates(counts: list[tuple[int, int]]) -> None:
    rates = {f"g{k}": ShareRate(min(hits, rows), rows) for k, (hits, rows) in enumerate(counts)}
    groups = [GroupRates(column="c", group=k, num_rows=1, selection_rate=rate.value) for k, rate in rates.items()]
    known = measure_gaps(groups)
    difference, ratio = measure_difference(rates, 0.95), measure_ratio(rates, 0.95)
    assert difference is not None and difference.value == pytest.approx(known["demographic_parity_difference"])
    assert difference.low <= difference.value <= difference.high
    first, second = difference.pair
    assert rates[first].value - rates[second].value == difference.value
    if "demographic_parity_ratio" not in known:
        assert ratio is None
        return
    assert ratio is not None and ratio.value == pytest.approx(known["demographic_parity_ratio"])
    assert ratio.low <= ratio.value + 1e-9 and ratio.value <= ratio.high + 1e-9


@pytest.mark.parametrize("num_groups", [2, 8])
def test_equal_groups_are_rarely_apart_beyond_doubt(num_groups: int) -> None:
    random = np.random.default_rng(num_groups)
    apart = below = 0
    for _ in range(150):
        sizes = random.integers(40, 300, num_groups)
        rates = {str(k): ShareRate(int(random.binomial(n, 0.3)), int(n)) for k, n in enumerate(sizes)}
        difference, ratio = measure_difference(rates, 0.95), measure_ratio(rates, 0.95)
        apart += difference is not None and difference.low > 0
        below += ratio is not None and ratio.high < 1
    # 0.05 of 150 and three standard deviations above.
    assert apart <= 15 and below <= 15


def test_groups_that_are_apart_are_found() -> None:
    rates = {"a": ShareRate(300, 500), "b": ShareRate(150, 500), "c": ShareRate(280, 500)}
    difference, ratio = measure_difference(rates, 0.95), measure_ratio(rates, 0.95)
    assert difference is not None and difference.pair == ("a", "b") and 0.2 < difference.low < 0.3 < difference.high
    assert ratio is not None and ratio.pair == ("b", "a") and 0.35 < ratio.low < 0.5 < ratio.high < 0.65


def test_fewer_than_two_groups_have_no_gap_and_nothing_selected_no_ratio() -> None:
    assert measure_difference({"a": ShareRate(1, 2)}, 0.95) is None
    assert measure_ratio({"a": ShareRate(0, 5), "b": ShareRate(0, 9)}, 0.95) is None
    one = measure_ratio({"a": ShareRate(0, 5), "b": ShareRate(1, 9)}, 0.95)
    assert one is not None and one.value == one.low == 0 and one.high > 1

"""P-values from counts are those of scipy, and rise above their level no more often than they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dbx_dl.metrics.two_samples import (
    LEAST_EXPECTED,
    homogeneity_p_value,
    kolmogorov_p_value,
    merge_rare,
    share_p_value,
)

COUNTS = st.integers(2, 12).flatmap(
    lambda size: st.tuples(*(st.lists(st.integers(0, 200), min_size=size, max_size=size) for _ in range(2)))
)


@given(COUNTS)
def test_homogeneity_is_that_of_scipy(counts: tuple[list[int], list[int]]) -> None:
    table = np.array(counts)
    table = table[:, table.sum(axis=0) > 0]
    found = homogeneity_p_value(*counts)
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        assert found is None
    else:
        expected = stats.chi2_contingency(table, correction=False).pvalue
        assert found == pytest.approx(expected, rel=1e-7, abs=1e-12)


@given(COUNTS, st.booleans())
def test_merged_bins_hold_the_same_rows_and_enough(counts: tuple[list[int], list[int]], is_ordered: bool) -> None:
    merged = merge_rare(*counts, is_ordered=is_ordered)
    assert [side.sum() for side in merged] == [sum(side) for side in counts]
    pooled, smaller = merged[0] + merged[1], min(map(sum, counts))
    if len(pooled) > 1:
        assert (pooled * smaller / pooled.sum() >= LEAST_EXPECTED - 1e-9).all()


def test_ordered_bins_are_merged_with_neighbours_and_others_by_their_size() -> None:
    baseline, window = [100, 2, 100, 3], [100, 2, 100, 3]
    assert merge_rare(baseline, window, is_ordered=True)[0].tolist() == [100, 105]
    assert sorted(merge_rare(baseline, window, is_ordered=False)[0].tolist()) == [5, 100, 100]


@given(st.integers(0, 40), st.integers(0, 60), st.integers(0, 40), st.integers(0, 4000))
def test_few_hits_are_tested_exactly(num_one: int, rest_one: int, num_other: int, rest_other: int) -> None:
    of = (num_one + rest_one, num_other + rest_other)
    found = share_p_value(num_one, of[0], num_other, of[1])
    hits, total = num_one + num_other, sum(of)
    if not all(of) or hits in (0, total):
        assert found is None
        return
    table = [[num_one, rest_one], [num_other, rest_other]]
    is_rare = min(of) * min(hits, total - hits) / total < LEAST_EXPECTED
    exact, rough = stats.fisher_exact(table).pvalue, stats.chi2_contingency(table, correction=False).pvalue
    assert found == pytest.approx(exact if is_rare else rough, rel=1e-6, abs=1e-12)


def test_a_large_table_is_tested_as_fast() -> None:
    found = share_p_value(0, 50_000_000, 3, 5_000)
    assert found == pytest.approx(stats.fisher_exact([[0, 50_000_000], [3, 4_997]]).pvalue, rel=1e-6)


@given(st.floats(0.01, 0.6), st.integers(50, 5000), st.integers(50, 5000))
def test_kolmogorov_is_near_the_exact_one(distance: float, one: int, other: int) -> None:
    found = kolmogorov_p_value(distance, one, other)
    exact = stats.kstwo.sf(distance, round(one * other / (one + other)))
    assert found == pytest.approx(float(exact), abs=0.03)


def test_samples_of_one_distribution_are_told_apart_as_often_as_asked() -> None:
    rng = np.random.default_rng(0)
    edges = np.quantile(rng.normal(size=500), np.linspace(0, 1, 51)[1:-1])
    found: dict[str, list[float]] = {"chi": [], "kolmogorov": []}
    for _ in range(1000):
        one, other = (
            np.bincount(np.searchsorted(edges, rng.normal(size=size), "right"), minlength=50) for size in (500, 120)
        )
        p = homogeneity_p_value(*merge_rare(one, other, is_ordered=True))
        gap = float(np.abs(np.cumsum(one) / 500 - np.cumsum(other) / 120).max())
        q = kolmogorov_p_value(gap, 500, 120)
        assert p is not None and q is not None
        found["chi"].append(p)
        found["kolmogorov"].append(q)
    # 5 % of 1000 and four standard deviations above.
    assert 25 <= sum(p <= 0.05 for p in found["chi"]) <= 78
    assert sum(p <= 0.05 for p in found["kolmogorov"]) <= 78


def test_without_rows_there_is_no_test() -> None:
    assert homogeneity_p_value([0, 0], [1, 2]) is None
    assert share_p_value(0, 0, 1, 2) is None
    assert kolmogorov_p_value(0.1, 0, 5) is None

"""Divergences from counts are scipy's, and the bias that is taken off is the one that chance adds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from dbx_dl.metrics.divergences import (
    expect_jensen_shannon,
    expect_stability,
    jensen_shannon,
    kolmogorov_distance,
    population_stability,
    wasserstein,
)

COUNTS = st.integers(1, 12).flatmap(
    lambda size: st.tuples(*(st.lists(st.integers(0, 1000), min_size=size, max_size=size) for _ in range(2)))
).filter(lambda both: all(map(sum, both)))  # fmt: skip


@given(COUNTS)
def test_stability_is_the_entropy_in_both_directions(counts: tuple[list[int], list[int]]) -> None:
    p, q = ((np.array(side) + 0.5) / (np.array(side) + 0.5).sum() for side in counts)
    expected = rel_entr(p, q).sum() + rel_entr(q, p).sum()
    assert population_stability(*counts) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(COUNTS)
def test_jensen_shannon_is_that_of_scipy(counts: tuple[list[int], list[int]]) -> None:
    expected = float(jensenshannon(*counts, base=2)) ** 2
    # scipy takes the root of what rounding makes negative.
    assert jensen_shannon(*counts) == pytest.approx(0.0 if math.isnan(expected) else expected, abs=1e-9)


@given(st.lists(st.integers(0, 8), min_size=1, max_size=60), st.lists(st.integers(0, 8), min_size=1, max_size=60))
def test_of_a_bin_for_each_value_the_distance_is_exact(one: list[int], other: list[int]) -> None:
    counts = [np.bincount(values, minlength=9) for values in (one, other)]
    assert kolmogorov_distance(*counts) == pytest.approx(stats.ks_2samp(one, other).statistic, abs=1e-12)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_of_wider_bins_it_is_not_larger(one: list[float], other: list[float]) -> None:
    edges = [-2.0, 0.0, 1.5]
    counts = [np.bincount(np.searchsorted(edges, values, "right"), minlength=4) for values in (one, other)]
    assert kolmogorov_distance(*counts) <= stats.ks_2samp(one, other).statistic + 1e-12


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_wasserstein_is_off_by_less_than_bins_are_wide(one: list[float], other: list[float]) -> None:
    edges = np.linspace(-4.5, 4.5, 37)
    counts = [np.bincount(np.searchsorted(edges, values, "right"), minlength=38) for values in (one, other)]
    found = wasserstein(*counts, edges=edges.tolist(), minimum=-5.0, maximum=5.0)
    # Values of either side may lie anywhere in bins of 0.25, the outer ones of 0.5.
    assert found == pytest.approx(stats.wasserstein_distance(one, other), abs=1.0)


def test_wasserstein_of_a_shift_is_the_shift() -> None:
    rng = np.random.default_rng(0)
    edges = np.linspace(-4, 5, 91)
    one, other = rng.normal(size=200_000), rng.normal(0.5, size=200_000)
    counts = [np.bincount(np.searchsorted(edges, values, "right"), minlength=92) for values in (one, other)]
    found = wasserstein(*counts, edges=edges.tolist(), minimum=-6.0, maximum=6.0)
    assert found == pytest.approx(stats.wasserstein_distance(one, other), abs=0.01)


@given(COUNTS, st.randoms())
def test_the_order_of_categories_does_not_matter(counts: tuple[list[int], list[int]], random) -> None:
    places = list(range(len(counts[0])))
    random.shuffle(places)
    shuffled = [[side[place] for place in places] for side in counts]
    assert population_stability(*shuffled) == pytest.approx(population_stability(*counts), abs=1e-12)
    assert jensen_shannon(*shuffled) == pytest.approx(jensen_shannon(*counts), abs=1e-12)


@pytest.mark.parametrize("num_window", [100, 1000])
def test_what_chance_adds_is_what_is_expected(num_window: int) -> None:
    rng = np.random.default_rng(1)
    shares = np.full(10, 0.1)
    draws = [(rng.multinomial(2000, shares), rng.multinomial(num_window, shares)) for _ in range(2000)]
    stability = np.mean([population_stability(*both) for both in draws])
    divergence = np.mean([jensen_shannon(*both) for both in draws])
    assert stability == pytest.approx(expect_stability(10, 2000, num_window), rel=0.1)
    assert divergence == pytest.approx(expect_jensen_shannon(10, 2000, num_window), rel=0.1)


def test_equal_shares_are_no_distance_apart() -> None:
    counts = [10, 20, 30]
    doubled = [20, 40, 60]
    assert jensen_shannon(counts, doubled) == kolmogorov_distance(counts, doubled) == 0.0
    assert wasserstein(counts, doubled, [1.0, 2.0], 0.0, 3.0) == 0.0

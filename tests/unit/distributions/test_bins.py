"""Bins hold what they say, at any numbers, and values are listed that another sample would have too."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.distributions.bins import MAX_VALUES, bin_numbers, choose_edges, choose_values, count_numbers

NUMBERS = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=80)
FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80)


@given(FINITE, NUMBERS)
def test_every_number_is_in_the_bin_of_its_edges(fitted: list[float], numbers: list[float]) -> None:
    edges = choose_edges(np.quantile(fitted, [0.25, 0.5, 0.75], method="inverted_cdf"), min(fitted), max(fitted))
    assert list(edges) == sorted(set(edges))
    found = bin_numbers(np.array(numbers), np.array(edges))
    for number, place in zip(numbers, found.tolist(), strict=True):
        if not math.isfinite(number):
            assert place == -1
        else:
            assert place == sum(number >= edge for edge in edges)


@given(FINITE)
def test_the_outer_bins_are_empty_where_edges_come_from(fitted: list[float]) -> None:
    edges = choose_edges(fitted, min(fitted), max(fitted))
    counts, nulls = count_numbers(np.array(fitted), edges)
    assert (counts[0], sum(counts), nulls) == (0, len(fitted), 0)
    if max(fitted) < math.nextafter(math.inf, 0):
        assert counts[-1] == 0


def test_a_constant_has_bins_of_its_own_and_nothing_has_none() -> None:
    edges = choose_edges([7.0] * 5, 7.0, 7.0)
    assert count_numbers(np.array([6.9, 7.0, 7.0, 7.1, np.nan, np.inf]), edges) == ((1, 2, 1), 2)
    assert choose_edges((), None, None) == ()


def test_both_zeros_are_one_edge() -> None:
    assert choose_edges([-0.0, 0.0], -0.0, 1.0) == (0.0, 1.0, math.nextafter(1.0, 2.0))


def test_few_values_are_listed_all_and_many_where_they_are_frequent() -> None:
    few = [("a", 3), ("b", 1)]
    assert choose_values(few, is_complete=True) == (("a", "b"), True)
    assert choose_values(few, is_complete=False) == ((), False)
    many = [(f"v{i}", 200 - i) for i in range(MAX_VALUES + 1)]
    assert choose_values(many, is_complete=True) == (tuple(f"v{i}" for i in range(50)), False)
    rare = [("often", 30), ("seldom", 29)]
    assert choose_values(rare, is_complete=False) == (("often",), False)

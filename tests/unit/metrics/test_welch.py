"""Welch's test is scipy's, and the moments of the other rows are theirs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dbx_dl.metrics.welch import Moments, effect_size, welch_p_value

ROWS = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40)


def take(values: list[float]) -> Moments:
    return Moments(len(values), float(np.mean(values)), float(np.var(values, ddof=1)) if len(values) > 1 else 0.0)


@given(ROWS, ROWS)
def test_p_values_are_scipys(part: list[float], rest: list[float]) -> None:
    moments = take(part), take(rest)
    if min(side.variance for side in moments) < 1e-9:
        return
    known = stats.ttest_ind(part, rest, equal_var=False, alternative="greater").pvalue
    assert welch_p_value(*moments) == pytest.approx(known, rel=1e-6, abs=1e-12)


@given(ROWS, ROWS)
def test_what_a_part_leaves_has_its_own_moments(part: list[float], rest: list[float]) -> None:
    found, known = take(part + rest).without(take(part)), take(rest)
    assert found.num_rows == known.num_rows
    assert found.mean == pytest.approx(known.mean, abs=1e-9 * 1e3)
    assert found.variance == pytest.approx(known.variance, abs=1e-8 * 1e6)


def test_values_that_do_not_vary_are_judged_by_their_means() -> None:
    some, more = Moments(5, 1.0, 0.0), Moments(9, 0.0, 0.0)
    assert (welch_p_value(some, more), welch_p_value(more, some), welch_p_value(some, some)) == (0.0, 1.0, 1.0)
    assert (effect_size(some, more), effect_size(more, some), effect_size(some, some)) == (math.inf, -math.inf, 0.0)


def test_too_few_rows_are_not_judged() -> None:
    assert welch_p_value(Moments(1, 1.0, 0.0), Moments(9, 0.0, 0.1)) is None
    assert Moments(3, 1.0, 0.5).without(Moments(3, 1.0, 0.5)).num_rows == 0


def test_an_effect_is_a_difference_in_deviations() -> None:
    assert effect_size(Moments(9, 3.0, 4.0), Moments(9, 1.0, 4.0)) == pytest.approx(1.0)

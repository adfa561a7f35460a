"""The incomplete beta function and what is made of it are scipy's, also for many rows."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from dbx_dl.metrics import share_interval
from dbx_dl.metrics.beta import beta_quantile, incomplete_beta, student_tail

SHAPES = st.floats(0.5, 1e5)


@given(SHAPES, SHAPES, st.floats(0, 1))
def test_incomplete_beta_is_scipys(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-13)


@given(st.floats(-50, 50), st.floats(0.5, 1e6))
def test_tails_of_students_t_are_scipys(t: float, degrees: float) -> None:
    assert student_tail(t, degrees) == pytest.approx(stats.t.sf(t, degrees), rel=1e-7, abs=1e-15)


def test_infinite_values_of_t_have_a_tail() -> None:
    assert (student_tail(math.inf, 3), student_tail(-math.inf, 3)) == (0.0, 1.0)


@given(st.integers(0, 5000), st.integers(0, 5000), st.sampled_from((0.8, 0.95, 0.999)))
def test_intervals_of_shares_are_scipys(num_hits: int, num_misses: int, confidence: float) -> None:
    num_rows = num_hits + num_misses
    if not num_rows:
        assert share_interval(0, 0, confidence) == (0.0, 1.0)
        return
    known = stats.binomtest(num_hits, num_rows).proportion_ci(confidence, method="exact")
    assert share_interval(num_hits, num_rows, confidence) == pytest.approx((known.low, known.high), abs=1e-9)


def test_a_billion_rows_have_an_interval_at_once() -> None:
    started = time.perf_counter()
    low, high = share_interval(300_000_000, 1_000_000_000)
    assert time.perf_counter() - started < 2
    assert (low, high) == pytest.approx(0.3 + np.array([-1, 1]) * 1.96 * math.sqrt(0.21 / 1e9), abs=1e-8)


def test_a_quantile_reaches_its_share() -> None:
    assert incomplete_beta(3, 40, beta_quantile(3, 40, 0.025)) == pytest.approx(0.025, rel=1e-12)

"""Tails of test statistics are those of scipy."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dbx_dl.metrics.tails import chi_squared_tail, f_tail, kolmogorov_tail


@given(st.floats(0, 2000), st.integers(1, 500))
def test_chi_squared(value: float, degrees: int) -> None:
    expected = float(stats.chi2.sf(value, degrees))
    assert chi_squared_tail(value, degrees) == pytest.approx(expected, rel=1e-8, abs=1e-13)


@given(st.floats(0, 100), st.integers(1, 200), st.integers(1, 5000))
def test_f(value: float, numerator: int, denominator: int) -> None:
    expected = float(stats.f.sf(value, numerator, denominator))
    assert f_tail(value, numerator, denominator) == pytest.approx(expected, rel=1e-7, abs=1e-11)


@given(st.floats(0, 10))
def test_kolmogorov(value: float) -> None:
    assert kolmogorov_tail(value) == pytest.approx(float(stats.kstwobign.sf(value)), rel=1e-9, abs=1e-12)


def test_infinite_statistics_are_impossible() -> None:
    assert chi_squared_tail(math.inf, 3) == f_tail(math.inf, 3, 4) == kolmogorov_tail(math.inf) == 0.0

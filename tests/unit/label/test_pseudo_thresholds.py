"""Thresholds keep what they promise on items that were not held out, and are as low as that allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from dbx_dl.label.pseudo.thresholds import bound_below, count_fewest, fit_threshold


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.001, 0.2))
def test_the_bound_is_clopper_and_pearsons(num_right: int, num_rows: int, error: float) -> None:
    num_right = min(num_right, num_rows)
    expected = 0.0 if num_right == 0 else beta.ppf(error, num_right, num_rows - num_right + 1)
    assert bound_below(num_right, num_rows, error) == pytest.approx(expected, abs=1e-9)


def test_the_fewest_items() -> None:
    assert count_fewest(0.95, 0.05) == 59
    assert bound_below(59, 59, 0.05) >= 0.95 > bound_below(58, 58, 0.05)
    said = np.linspace(0.5, 1, 103)
    for num in (59, 103):
        found = fit_threshold(said[:num], np.ones(num, bool), precision=0.95, confidence=0.95)
        assert found is not None and (found.threshold, found.num_above) == (0.5, num)
    assert fit_threshold(said[:58], np.ones(58, bool), precision=0.95, confidence=0.95) is None
    is_right = np.arange(92) > 0
    assert fit_threshold(said[:92], is_right, precision=0.95, confidence=0.95) is None, "one of 92 is wrong"
    assert fit_threshold(said[:93], np.arange(93) > 0, precision=0.95, confidence=0.95) is not None


def draw(random: np.random.Generator, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a model that thinks too much of itself, and whether it is right."""
    said = random.beta(4, 1, num)
    return said, random.random(num) < said**1.5


@pytest.mark.parametrize(("num", "precision", "num_least"), [(400, 0.85, 150), (25, 0.6, 150)])
def test_the_precision_holds_as_often_as_promised(num: int, precision: float, num_least: int) -> None:
    random = np.random.default_rng(11)
    many, right = draw(random, 200_000)
    num_broken = num_found = 0
    for _ in range(300):
        found = fit_threshold(*draw(random, num), precision=precision, confidence=0.9)
        if found is not None:
            num_found += 1
            num_broken += right[many >= found.threshold].mean() < precision
    assert num_found > num_least
    # Of 300 at most a tenth, by far as a rule.
    assert num_broken <= 30


def test_a_threshold_is_as_low_as_what_is_right_allows() -> None:
    said = np.linspace(0, 1, 1001)
    found = fit_threshold(said, said >= 0.5, precision=0.95, confidence=0.95)
    assert found is not None and 0.3 < found.threshold <= 0.56
    assert found.num_above == (said >= found.threshold).sum() and found.precision_low >= 0.95
    assert found.num_right == ((said >= 0.5) & (said >= found.threshold)).sum()
    assert fit_threshold(said, said < 0.5, precision=0.95, confidence=0.95) is None
    assert fit_threshold(said[:50], said[:50] >= 0, precision=0.95, confidence=0.95) is None
    assert fit_threshold(np.zeros(0), np.zeros(0, bool), precision=0.5, confidence=0.9) is None


def test_equal_probabilities_stand_or_fall_together() -> None:
    said = np.repeat([0.9, 0.6], 200)
    found = fit_threshold(said, said > 0.7, precision=0.9, confidence=0.95)
    assert found is not None and (found.threshold, found.num_above) == (0.9, 200)

"""Calibrated probabilities are not called wrong, however few rows there are, and wrong ones are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from dbx_dl.metrics.fairness import calibration_error
from dbx_dl.metrics.reliability import CalibrationError, count_bins, estimate_calibration, measure_bins


def estimate(is_hit: np.ndarray, probabilities: np.ndarray, **options: int) -> CalibrationError:
    found = estimate_calibration(count_bins(is_hit, probabilities), **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def draw(seed: int, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = random.uniform(0, 1, num_rows)
    return random.random(num_rows) < probabilities, probabilities


def test_bins_are_scikit_learns() -> None:
    is_hit, probabilities = draw(1, 500)
    shares, means = calibration_curve(is_hit, probabilities, n_bins=10)
    bins = measure_bins(count_bins(is_hit, probabilities))
    assert [found.share for found in bins] == pytest.approx(shares)
    assert [found.mean_probability for found in bins] == pytest.approx(means)
    assert all(found.low <= found.share <= found.high for found in bins)
    assert sum(found.num_rows for found in bins) == 500


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50))
def test_the_error_is_that_of_the_groups(rows: list[tuple[bool, float]]) -> None:
    is_hit, probabilities = (np.array(column) for column in zip(*rows, strict=True))
    error = estimate(is_hit, probabilities, num_draws=20)
    assert error.value == pytest.approx(calibration_error(is_hit, probabilities, np.ones(len(rows))))
    low, high = error.interval(0.95)
    assert 0 <= low <= error.value <= high <= 1


@pytest.mark.parametrize("num_rows", [60, 500])
def test_calibrated_probabilities_rarely_look_wrong(num_rows: int) -> None:
    found = [estimate(*draw(seed, num_rows), num_draws=200) for seed in range(200)]
    # 0.05 of 200 and three standard deviations above.
    assert sum(error.p_value <= 0.05 for error in found) <= 19
    assert sum(error.interval(0.95)[0] > 0 for error in found) <= 19
    assert np.mean([error.value - error.by_chance[0] for error in found]) == pytest.approx(0, abs=0.006)


@pytest.mark.parametrize("num_rows", [60, 500, 5000])
def test_intervals_hold_the_true_error(num_rows: int) -> None:
    # Probabilities from 0.3 on are 0.2 too high, in every bin.
    true = 0.2
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        probabilities = random.uniform(0.3, 1, num_rows)
        low, high = estimate(random.random(num_rows) < probabilities - true, probabilities).interval(0.95)
        held += low <= true <= high
        assert num_rows < 5000 or (low > 0.15 and high < 0.25)
    assert held >= 190


def test_the_same_rows_have_the_same_error() -> None:
    assert estimate(*draw(5, 80), seed=4) == estimate(*draw(5, 80), seed=4)
    assert estimate_calibration(count_bins(np.zeros(0, bool), np.zeros(0))) is None


def test_weights_make_rows_say_less() -> None:
    counts = count_bins(*draw(5, 400))
    few, many = (estimate_calibration(counts, num_effective=number) for number in (40, 400))
    assert few is not None and many is not None
    assert few.value == many.value and few.noise[0] > 2 * many.noise[0]

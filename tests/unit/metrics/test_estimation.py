"""Metrics of quantiles and distributions: SciPy's densities, integrals of the CRPS, scikit-learn's pinball loss."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn import metrics as reference

from dbx_dl.metrics import is_lower_better
from dbx_dl.metrics.estimation import (
    measure_rows,
    negative_binomial_rows,
    normal_rows,
    quantile_rows,
    weigh_rows,
)
from dbx_dl.tasks import TASKS

RANDOM = np.random.default_rng(2)
LEVELS = (0.1, 0.5, 0.9)


def draw(num_rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Labels, some of which are 0, and means and deviations."""
    labels = RANDOM.normal(3, 2, num_rows)
    labels[:5] = 0.0
    return labels, np.stack([RANDOM.normal(3, 1, num_rows), RANDOM.random(num_rows) + 0.5], axis=1)


def test_pinball_is_scikit_learns_and_coverage_a_share() -> None:
    labels, _ = draw()
    quantiles = np.sort(RANDOM.normal(3, 2, (60, 3)), axis=1)
    weights = RANDOM.integers(0, 3, 60).astype(float)
    found = measure_rows(labels, quantiles, quantiles[:, 1], lambda y, q: quantile_rows(y, q, LEVELS), weights)
    expected = np.mean(
        [
            reference.mean_pinball_loss(labels, quantiles[:, k], alpha=level, sample_weight=weights)
            for k, level in enumerate(LEVELS)
        ]
    )
    inside = (labels >= quantiles[:, 0]) & (labels <= quantiles[:, 2])
    assert found["pinball"] == pytest.approx(expected)
    assert found["coverage"] == pytest.approx(np.average(inside, weights=weights))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(labels, quantiles[:, 1], sample_weight=weights))
    known = labels != 0
    assert found["mape"] == pytest.approx(
        reference.mean_absolute_percentage_error(labels[known], quantiles[known, 1], sample_weight=weights[known])
    )


def test_one_level_covers_what_is_not_above_it() -> None:
    found = quantile_rows(np.array([1.0, 2.0, 3.0]), np.array([[2.0], [2.0], [2.0]]), (0.9,))
    assert found["coverage"].tolist() == [1.0, 1.0, 0.0]
    assert found["pinball"] == pytest.approx([0.1, 0.0, 0.9])


def test_normal_rows_are_scipys_and_the_crps_its_integral() -> None:
    labels, parameters = draw()
    found = normal_rows(labels, parameters)
    mean, deviation = parameters.T
    assert found["nll"] == pytest.approx(-stats.norm.logpdf(labels, mean, deviation))
    low, high = stats.norm.interval(0.9, mean, deviation)
    assert found["coverage"].tolist() == ((low <= labels) & (labels <= high)).astype(float).tolist()
    grid = np.linspace(-30, 40, 70_001)
    for row in range(5):
        gaps = stats.norm.cdf(grid, mean[row], deviation[row]) - (grid >= labels[row])
        assert found["crps"][row] == pytest.approx(integrate.trapezoid(gaps**2, grid), abs=1e-3)


def test_negative_binomial_rows_are_scipys() -> None:
    counts = RANDOM.integers(0, 40, 50).astype(float)
    parameters = np.stack([RANDOM.random(50) * 20 + 0.01, RANDOM.random(50) + 0.001], axis=1)
    size = 1 / parameters[:, 1]
    expected = -stats.nbinom.logpmf(counts, size, size / (size + parameters[:, 0]))
    assert negative_binomial_rows(counts, parameters)["nll"] == pytest.approx(expected)


def test_the_true_distribution_has_the_best_expected_scores() -> None:
    labels = RANDOM.normal(1.0, 2.0, 20_000)

    def score(mean: float, deviation: float) -> dict[str, float]:
        parameters = np.tile([mean, deviation], (len(labels), 1))
        return measure_rows(labels, parameters, parameters[:, 0], normal_rows)

    best = score(1.0, 2.0)
    assert best["coverage"] == pytest.approx(0.9, abs=0.01)
    for worse in (score(1.5, 2.0), score(1.0, 1.5), score(1.0, 3.0)):
        assert worse["nll"] > best["nll"] and worse["crps"] > best["crps"]


def test_weightings_are_repeated_rows() -> None:
    labels, parameters = draw()
    weights = RANDOM.integers(0, 3, (4, 60)).astype(float)
    names = TASKS["gaussian"].metrics
    found = weigh_rows(labels, parameters, parameters[:, 0], normal_rows, weights, names)
    for b in range(4):
        rows = np.repeat(np.arange(60), weights[b].astype(int))
        expected = measure_rows(labels[rows], parameters[rows], parameters[rows, 0], normal_rows)
        assert {name: values[b] for name, values in found.items()} == pytest.approx(expected)


def test_shares_of_a_label_are_undefined_where_all_are_zero() -> None:
    labels, parameters = np.zeros(3), np.ones((3, 2))
    assert "mape" not in measure_rows(labels, parameters, parameters[:, 0], normal_rows)
    assert np.isnan(weigh_rows(labels, parameters, parameters[:, 0], normal_rows, np.ones((1, 3)), ["mape"])["mape"])
    assert measure_rows(labels[:0], parameters[:0], parameters[:0, 0], normal_rows) == {}


def test_which_values_are_better() -> None:
    assert all(is_lower_better(name) for name in ("nll", "crps", "pinball", "validation_pinball", "mape"))
    assert not is_lower_better("coverage")

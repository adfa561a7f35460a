"""Distances of Gaussians are those of scipy's matrix root, and means are told apart as often as they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats
from statsmodels.stats import multivariate

from dbx_dl.metrics.gaussians import equal_means_p_value, expect_frechet, frechet_distance, pool_covariances


def _draw(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    root = rng.normal(size=(size, size))
    return rng.normal(size=size), root @ root.T


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_the_distance_is_that_of_the_matrix_root(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    (mean, covariance), (other_mean, other) = _draw(rng, size), _draw(rng, size)
    root = np.real(linalg.sqrtm(covariance @ other))
    expected = np.square(mean - other_mean).sum() + np.trace(covariance + other - 2 * root)
    assert frechet_distance(mean, covariance, other_mean, other) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_what_chance_adds_is_what_is_expected() -> None:
    rng = np.random.default_rng(0)
    _, covariance = _draw(rng, 5)
    distances = []
    for _ in range(400):
        one, other = (rng.multivariate_normal(np.zeros(5), covariance, size) for size in (800, 300))
        moments = [(rows.mean(axis=0), np.cov(rows.T)) for rows in (one, other)]
        distances.append(frechet_distance(*moments[0], *moments[1]))
    assert np.mean(distances) == pytest.approx(expect_frechet(covariance, 800, 300), rel=0.1)


@given(st.integers(0, 10_000), st.integers(3, 60), st.integers(3, 60))
def test_of_one_axis_it_is_the_t_test(seed: int, size: int, other_size: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=size), rng.normal(0.3, 1.2, size=other_size)
    variances = [np.array([[np.var(rows, ddof=1)]]) for rows in (one, other)]
    pooled = pool_covariances(variances[0], size, variances[1], other_size)
    found = equal_means_p_value(np.array([one.mean()]), size, np.array([other.mean()]), other_size, pooled)
    assert found == pytest.approx(stats.ttest_ind(one, other).pvalue, rel=1e-7)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(8, 60), st.integers(8, 60))
def test_of_several_axes_it_is_statsmodels(seed: int, num_axes: int, size: int, other_size: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(num_axes, num_axes)) + 2 * np.eye(num_axes)
    one, other = rng.normal(size=(size, num_axes)) @ root, rng.normal(0.2, 1.2, (other_size, num_axes)) @ root
    covariances = [np.cov(rows.T) for rows in (one, other)]
    pooled = pool_covariances(covariances[0], size, covariances[1], other_size)
    found = equal_means_p_value(one.mean(axis=0), size, other.mean(axis=0), other_size, pooled)
    assert found == pytest.approx(multivariate.test_mvmean_2indep(one, other).pvalue, rel=1e-6, abs=1e-12)


def test_equal_means_are_told_apart_as_often_as_asked() -> None:
    rng = np.random.default_rng(1)
    fired = 0
    for _ in range(1000):
        one, other = rng.normal(size=(60, 6)), rng.normal(size=(40, 6))
        pooled = pool_covariances(np.cov(one.T), 60, np.cov(other.T), 40)
        p = equal_means_p_value(one.mean(axis=0), 60, other.mean(axis=0), 40, pooled)
        fired += p is not None and p <= 0.05
    assert 25 <= fired <= 78


def test_axes_that_do_not_vary_and_too_few_rows_say_nothing() -> None:
    zeros = np.zeros((2, 2))
    assert equal_means_p_value(np.zeros(2), 10, np.ones(2), 10, zeros) is None
    assert equal_means_p_value(np.zeros(30), 10, np.ones(30), 10, np.eye(30)) is None
    flat = np.diag([1.0, 0.0])
    assert equal_means_p_value(np.zeros(2), 50, np.array([0.0, 5.0]), 50, flat) == pytest.approx(1.0)

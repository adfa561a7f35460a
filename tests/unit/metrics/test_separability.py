"""A classifier tells shifted and wider samples apart, and equal ones no more often than chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression

from dbx_dl.metrics.separability import _binomial_tail, _expand, _fit_logistic, separability


@given(st.integers(1, 200).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_tail_is_the_binomials(both: tuple[int, int]) -> None:
    hits, of = both
    assert _binomial_tail(hits, of) == pytest.approx(stats.binom.sf(hits - 1, of, 0.5), rel=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_classifier_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(120, 3))
    labels = (inputs[:, 0] + rng.normal(size=120) > 0).astype(np.float64)
    expanded = _expand(inputs)
    expected = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(expanded[:, 1:], labels)
    found = _fit_logistic(expanded, labels)
    np.testing.assert_allclose(found[1:], expected.coef_[0], atol=1e-4)


def test_samples_of_one_distribution_are_told_apart_as_often_as_asked() -> None:
    rng = np.random.default_rng(0)
    p_values = [
        found[1]
        for seed in range(300)
        if (found := separability(rng.normal(size=(100, 4)), rng.normal(size=(150, 4)), seed)) is not None
    ]
    assert len(p_values) == 300
    # At most 5 % of 300 and four standard deviations above; the test is cautious.
    assert sum(p <= 0.05 for p in p_values) <= 30


@pytest.mark.parametrize("center, spread", [(1.0, 1.0), (0.0, 2.0)])
def test_shifts_and_wider_spreads_are_found(center: float, spread: float) -> None:
    rng = np.random.default_rng(0)
    found = separability(rng.normal(size=(300, 4)), rng.normal(center, spread, size=(300, 4)))
    assert found is not None
    accuracy, p_value = found
    assert accuracy > 0.7 and p_value < 1e-6


def test_too_few_rows_are_not_judged() -> None:
    assert separability(np.zeros((19, 2)), np.zeros((100, 2))) is None

"""Calibrations are those of scikit-learn and SciPy, whatever the scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from dbx_dl.contracts import Calibration
from dbx_dl.metrics import sigmoid, softmax
from dbx_dl.metrics.calibration import calibrate_scores, fit_calibration


def draw(num_rows: int = 400, scale: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of three classes that are right more often than not, labels, and weights of which some are 0."""
    random = np.random.default_rng(7)
    labels = random.choice(3, num_rows, p=[0.6, 0.3, 0.1])
    scores = (np.eye(3)[labels] * 1.5 + random.normal(size=(num_rows, 3))) * scale
    return scores.astype(np.float32), labels, random.integers(0, 3, num_rows).astype(np.float32)


def test_platt_is_a_logistic_regression_on_platts_targets() -> None:
    scores, labels, weights = draw()
    found = fit_calibration("platt", scores, labels, weights)
    assert found is not None
    for c in range(3):
        inside, outside = weights[labels == c].sum(), weights[labels != c].sum()
        targets = np.where(labels == c, (inside + 1) / (inside + 2), 1 / (outside + 2))
        fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
            np.concatenate([scores[:, [c]].astype(np.float64)] * 2),
            [1] * len(labels) + [0] * len(labels),
            np.concatenate([weights * targets, weights * (1 - targets)]),
        )
        assert found.slopes[c] == pytest.approx(fitted.coef_[0, 0], rel=1e-4)
        assert found.offsets[c] == pytest.approx(fitted.intercept_[0], rel=1e-4, abs=1e-4)


def test_platts_probabilities_are_sigmoids_divided_by_their_sum() -> None:
    calibration = Calibration(method="platt", slopes=(2.0, 1.0, 0.5), offsets=(0.1, -0.3, 0.0))
    scores = np.random.default_rng(1).normal(size=(20, 3))
    sigmoids = sigmoid(scores * [2.0, 1.0, 0.5] + [0.1, -0.3, 0.0])
    expected = sigmoids / sigmoids.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrate_scores(scores, calibration), expected, rtol=1e-12)
    extreme = calibrate_scores(np.array([[-1000.0, -2000.0, -1000.0], [1000, 1000, -1000]]), calibration)
    assert np.isfinite(extreme).all()
    np.testing.assert_allclose(extreme.sum(axis=1), 1)
    assert extreme[1].tolist() == pytest.approx([0.5, 0.5, 0.0])


def test_temperature_has_the_least_cross_entropy() -> None:
    scores, labels, weights = draw()
    found = fit_calibration("temperature", scores, labels, weights)
    assert found is not None and len(set(found.slopes)) == 1 and set(found.offsets) == {0.0}

    def loss(slope: float) -> float:
        right = softmax(scores.astype(np.float64) * slope)[np.arange(len(labels)), labels]
        return float(-(weights * np.log(right)).sum())

    assert found.slopes[0] == pytest.approx(minimize_scalar(loss, bounds=(0.01, 10), method="bounded").x, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e20])
@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_any_scores_give_finite_probabilities(method: str, scale: float) -> None:
    scores, labels, weights = draw(60, scale)
    found = fit_calibration(method, scores, labels, weights)  # type: ignore[arg-type]
    assert found is not None
    probabilities = calibrate_scores(scores, found)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_one_class_alone_and_equal_scores_are_fitted() -> None:
    labels, weights = np.zeros(9, np.int64), np.ones(9)
    found = fit_calibration("platt", np.zeros((9, 2), np.float32), labels, weights)
    assert found is not None
    # Platt's targets: 10 of 11 rows of the class, 1 of 11 of the other.
    assert calibrate_scores(np.zeros((1, 2)), found)[0].tolist() == pytest.approx([10 / 11, 1 / 11], rel=1e-6)


def test_without_rows_there_is_none() -> None:
    assert fit_calibration("platt", np.ones((2, 2), np.float32), np.array([0, 1]), np.zeros(2)) is None

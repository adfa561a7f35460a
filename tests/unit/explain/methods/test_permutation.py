"""Permutation importance: what decides is found, what does not has an interval around 0, and scikit-learn agrees."""

from __future__ import annotations

import numpy as np

from dbx_dl.explain.methods.permutation import measure_importance, rate_importance, shuffle_feature, weigh_pairs
from dbx_dl.explain.methods.rows import Floats, Rows
from dbx_dl.metrics.weighted import draw_weights
from tests.unit.explain.methods.simple_models import NAMES, PLAYERS, draw_rows

ROWS = draw_rows(400, 0)
TRUTH = 2 * ROWS["a"] + ROWS["b"]
WEIGHTS = np.concatenate([np.ones((1, 400)), *draw_weights(400, 300, 0)])


def predict(rows: Rows) -> Floats:
    """Two columns decide, the last does a little, `d` nothing."""
    return (2 * rows["a"] + rows["b"] + 1e-3 * rows["c"])[:, None]


def measure(predictions: Floats, donors: np.ndarray) -> Floats:
    """The mean squared error of all rows and of resamples."""
    errors, weights = (predictions[:, 0] - TRUTH) ** 2, weigh_pairs(WEIGHTS, donors)
    return weights @ errors / weights.sum(axis=1)


def test_importance_is_in_order_of_what_decides_and_zero_for_what_does_not() -> None:
    found = measure_importance(ROWS, PLAYERS, predict, measure, is_higher_better=False)
    assert [each.feature for each in found][:2] == ["a", "b"]
    by_name = {each.feature: each for each in found}
    # Without a feature the error is twice its variance times its weight squared.
    assert abs(by_name["a"].value / (2 * 4 * ROWS["a"].var()) - 1) < 0.15
    assert by_name["a"].low > by_name["b"].high > by_name["b"].low > 0
    assert (by_name["d"].value, by_name["d"].low, by_name["d"].high) == (0.0, 0.0, 0.0)
    for each in found:
        assert each.low <= each.value <= each.high


def test_the_same_seed_gives_the_same_and_another_gives_another() -> None:
    first, again, other = (
        measure_importance(ROWS, PLAYERS, predict, measure, is_higher_better=False, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other
    one, same = (shuffle_feature(ROWS, predict(ROWS), PLAYERS[0], 3, predict, measure, seed=1) for _ in range(2))
    np.testing.assert_array_equal(one, same)


def test_the_interval_covers_the_expected_importance_in_most_samples() -> None:
    """Of many samples of rows, about as many intervals as promised hold the importance in the population."""
    hits, widths = 0, []
    for seed in range(100):
        random = np.random.default_rng(seed)
        x, resamples = random.normal(size=200), np.concatenate([*draw_weights(200, 200, seed)])

        def fall(donors: np.ndarray, x: np.ndarray = x, resamples: np.ndarray = resamples) -> Floats:
            weights = weigh_pairs(np.concatenate([np.ones((1, 200)), resamples]), donors)
            return -weights @ (x - x[donors]) ** 2 / weights.sum(axis=1)

        falls = np.stack([fall(random.permutation(200)) for _ in range(5)])
        found = rate_importance("x", falls, is_higher_better=False, confidence=0.9, seed=seed)
        hits += found.low <= 2.0 <= found.high
        widths.append(found.high - found.low)
    # 90 of 100 are promised; fewer than 82 or more than 97 would come by chance once in a hundred times.
    assert 82 <= hits <= 97, hits
    # A mean of squared differences of pairs deviates by the square root of 8 / N.
    assert 0.9 < np.mean(widths) / (2 * 1.645 * np.sqrt(8 / 200)) < 1.4


def test_scikit_learn_finds_the_same() -> None:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.inspection import permutation_importance

    class Known(RegressorMixin, BaseEstimator):
        def fit(self, *_: object) -> Known:
            return self

        def predict(self, table: np.ndarray) -> np.ndarray:
            return predict(dict(zip(NAMES, table.T, strict=True)))[:, 0]

    Known.__sklearn_is_fitted__ = lambda self: True
    table = np.stack([ROWS[name] for name in NAMES], axis=1)
    theirs = permutation_importance(
        Known(), table, TRUTH, scoring="neg_mean_squared_error", n_repeats=30, random_state=0
    ).importances_mean
    ours = {
        each.feature: each.value
        for each in measure_importance(ROWS, PLAYERS, predict, measure, is_higher_better=False, num_repeats=30)
    }
    np.testing.assert_allclose([ours[name] for name in NAMES], theirs, rtol=0.03, atol=1e-4)

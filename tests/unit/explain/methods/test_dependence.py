"""Partial dependence: known curves, points of numbers and categories, and scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.explain.methods.dependence import choose_points, draw_curve
from dbx_dl.explain.methods.rows import Player
from tests.unit.explain.methods.simple_models import NAMES, PLAYERS, draw_rows, predict_jointly


def test_a_curve_is_the_mean_over_rows_at_every_point() -> None:
    rows, points = draw_rows(50, 0), np.array([-1.0, 0.0, 2.0])
    curve = draw_curve(rows, PLAYERS[0], points, predict_jointly, has_rows=True)
    expected = [(p * rows["b"] + np.maximum(rows["c"], rows["d"]) + 2 * p).mean() for p in points]
    np.testing.assert_allclose(curve.means_gk[:, 0], expected)
    np.testing.assert_allclose(curve.means_gk[:, 1], points)
    assert curve.rows_gnk is not None and curve.rows_gnk.shape == (3, 50, 2)
    np.testing.assert_allclose(curve.rows_gnk.mean(axis=1), curve.means_gk)


def test_scikit_learn_draws_the_same_curve() -> None:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.inspection import partial_dependence

    class Known(RegressorMixin, BaseEstimator):
        def fit(self, *_: object) -> Known:
            return self

        def predict(self, table: np.ndarray) -> np.ndarray:
            return predict_jointly(dict(zip(NAMES, table.T, strict=True)))[:, 0]

    Known.__sklearn_is_fitted__ = lambda self: True
    rows = draw_rows(60, 1)
    table = np.stack([rows[name] for name in NAMES], axis=1)
    theirs = partial_dependence(Known(), table, [2], grid_resolution=7, percentiles=(0, 1), method="brute")
    curve = draw_curve(rows, PLAYERS[2], theirs["grid_values"][0], predict_jointly)
    np.testing.assert_allclose(curve.means_gk[:, 0], theirs["average"][0])


def test_points_are_values_that_are_there() -> None:
    numbers = np.array([3.0, np.nan, 1.0, 1.0, 2.0, np.inf, 9.0])
    assert choose_points(numbers, 20).tolist() == [1.0, 2.0, 3.0, 9.0]
    assert choose_points(np.arange(101.0), 5).tolist() == [0, 25, 50, 75, 100]
    words = np.array(["red", "blue", "", "red", "green", "blue", "red"], object)
    assert choose_points(words, 2).tolist() == ["blue", "red"]
    assert choose_points(np.array([True, False, True]), 5).tolist() == [False, True]
    assert len(choose_points(np.array([np.nan]), 5)) == 0


def test_entries_of_an_input_and_categories_have_curves() -> None:
    rows = {"x": np.zeros((4, 2)), "word": np.array(["a", "b", "a", "b"], object)}
    weighed = draw_curve(rows, Player("x[1]", ("x",), 1), np.array([0.0, 5.0]), lambda r: r["x"].sum(axis=1)[:, None])
    assert weighed.means_gk[:, 0].tolist() == [0, 5]
    named = draw_curve(
        rows, Player("word", ("word",)), np.array(["a", "b"], object), lambda r: (r["word"] == "a")[:, None] * 1.0
    )
    assert named.means_gk[:, 0].tolist() == [1, 0]


def test_truths_are_put_in_as_truths_and_a_curve_needs_points() -> None:
    rows = {"is_new": np.array([True, False, True])}
    player, points = Player("is_new", ("is_new",)), choose_points(rows["is_new"], 5)
    curve = draw_curve(rows, player, points, lambda r: r["is_new"].astype(float)[:, None])
    assert curve.means_gk[:, 0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="a curve of is_new needs points"):
        draw_curve(rows, player, points[:0], lambda r: r["is_new"][:, None])

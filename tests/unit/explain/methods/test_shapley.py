"""Sampled Shapley values: exact sums, the exact values of small games, and those of the kept library."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.explain.methods import shapley
from dbx_dl.explain.methods.rows import Player, Rows, count_rows
from dbx_dl.explain.methods.shapley import draw_walks, sample_shapley
from tests.unit.explain.methods.simple_models import NAMES, PLAYERS, count_exactly, draw_rows, predict_jointly


@given(st.integers(0, 1000), st.integers(1, 9), st.integers(2, 60))
def test_contributions_sum_up_to_the_score_less_the_mean_of_the_background(
    seed: int, num_background: int, num_permutations: int
) -> None:
    rows, background = draw_rows(3, seed), draw_rows(num_background, seed + 1)
    walks = draw_walks(len(PLAYERS), num_background, num_permutations, seed)
    shares = sample_shapley(rows, background, PLAYERS, np.zeros(3, int), predict_jointly, walks)
    np.testing.assert_allclose(shares.base, predict_jointly(background)[:, 0].mean(), atol=1e-12)
    np.testing.assert_allclose(shares.scores, predict_jointly(rows)[:, 0])
    np.testing.assert_allclose(shares.contributions.sum(axis=1), shares.scores - shares.base, atol=1e-12)
    assert len(walks.orders_wp) >= num_permutations
    assert set(np.bincount(walks.donors_w)) == {len(walks.orders_wp) // num_background}


def test_many_permutations_come_near_the_exact_values() -> None:
    rows, background = draw_rows(2, 1), draw_rows(5, 2)
    walks = draw_walks(len(PLAYERS), 5, 4000, 0)
    shares = sample_shapley(rows, background, PLAYERS, np.zeros(2, int), predict_jointly, walks)
    for row in range(2):
        one = {name: values[row : row + 1] for name, values in rows.items()}
        exact = count_exactly(one, background, 0, predict_jointly)
        np.testing.assert_allclose(shares.contributions[row], exact, atol=0.05)
        # The error that is told is about the error that is made.
        assert (np.abs(shares.contributions[row] - exact) <= 4 * shares.errors[row] + 1e-9).all()


def test_additive_models_are_exact_at_once_and_an_idle_feature_has_none() -> None:
    rows, background = draw_rows(4, 3), draw_rows(6, 4)
    walks = draw_walks(len(PLAYERS), 6, 2, 0)
    shares = sample_shapley(rows, background, PLAYERS, np.ones(4, int), predict_jointly, walks)
    np.testing.assert_allclose(shares.contributions[:, 0], rows["a"] - background["a"].mean())
    np.testing.assert_array_equal(shares.contributions[:, 1:], 0)


def test_a_row_is_explained_alike_alone_and_among_others() -> None:
    rows, background, walks = draw_rows(5, 5), draw_rows(4, 6), draw_walks(4, 4, 10, 7)
    together = sample_shapley(rows, background, PLAYERS, np.zeros(5, int), predict_jointly, walks)
    last = {name: values[4:] for name, values in rows.items()}
    alone = sample_shapley(last, background, PLAYERS, np.zeros(1, int), predict_jointly, walks)
    np.testing.assert_array_equal(together.contributions[4], alone.contributions[0])


def test_entries_of_one_input_are_players_too() -> None:
    names = [Player(f"x[{place}]", ("x",), place) for place in range(3)]
    rows, background = {"x": np.array([[1.0, 2.0, 3.0]])}, {"x": np.zeros((2, 3))}
    weights = np.array([1.0, -1.0, 2.0])
    walks = draw_walks(3, 2, 4, 0)
    shares = sample_shapley(rows, background, names, np.zeros(1, int), lambda r: (r["x"] @ weights)[:, None], walks)
    np.testing.assert_allclose(shares.contributions[0], [1, -2, 6])


def test_the_kept_library_agrees() -> None:
    import shap

    rows, background = draw_rows(3, 8), draw_rows(7, 9)
    exact = shap.explainers.Exact(
        lambda table: predict_jointly(dict(zip(NAMES, table.T, strict=True)))[:, 0],
        np.stack([background[name] for name in NAMES], axis=1),
    )(np.stack([rows[name] for name in NAMES], axis=1))
    walks = draw_walks(len(PLAYERS), 7, 6000, 1)
    shares = sample_shapley(rows, background, PLAYERS, np.zeros(3, int), predict_jointly, walks)
    np.testing.assert_allclose(shares.contributions, exact.values, atol=0.05)
    np.testing.assert_allclose(shares.base, exact.base_values, atol=1e-9)


def test_blocks_of_steps_give_what_all_at_once_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, background, walks = draw_rows(2, 1), draw_rows(3, 2), draw_walks(4, 3, 12, 7)
    places = np.zeros(2, np.int64)
    whole = sample_shapley(rows, background, PLAYERS, places, predict_jointly, walks)
    monkeypatch.setattr(shapley, "_MAX_NUMBERS", 5 * len(PLAYERS))
    sizes = []

    def predict(some: Rows) -> np.ndarray:
        sizes.append(count_rows(some))
        return predict_jointly(some)

    cut = sample_shapley(rows, background, PLAYERS, places, predict, walks)
    np.testing.assert_array_equal(cut.contributions, whole.contributions)
    assert max(sizes) == 5

"""How unsure a model is, by hand and by properties, and choices that are as far apart as they can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import entropy

from dbx_dl.config.label import QueueConfig
from dbx_dl.errors import DataError
from dbx_dl.label.queue.choosing import Candidates, choose_candidates, spread_out
from dbx_dl.label.queue.uncertainty import measure_set_uncertainty, measure_uncertainty

SEEDS = st.integers(0, 2**31)
NAMES = ("least_confident", "margin", "entropy")


def test_uncertainty_by_hand() -> None:
    p = np.array([[0.7, 0.2, 0.1], [1, 0, 0], [np.nan, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]], np.float32)
    np.testing.assert_allclose(measure_uncertainty(p, "least_confident"), [0.3, 0, np.nan, 2 / 3], atol=1e-6)
    np.testing.assert_allclose(measure_uncertainty(p, "margin"), [0.5, 0, np.nan, 1], atol=1e-6)
    found = measure_uncertainty(p, "entropy")
    np.testing.assert_allclose(found, [entropy([0.7, 0.2, 0.1]) / np.log(3), 0, np.nan, 1], atol=1e-6)
    sets = np.array([[0.9, 0.1], [0.5, 1.0], [np.nan, 0.5]])
    np.testing.assert_allclose(measure_set_uncertainty(sets, "margin"), [0.2, 1, np.nan])
    np.testing.assert_allclose(measure_uncertainty(np.array([[0.4]]), "margin"), [0.6])


@given(SEEDS, st.integers(2, 6))
def test_uncertainty_is_a_share_whatever_the_order_of_classes(seed: int, num_classes: int) -> None:
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.full(num_classes, 0.3), 20)
    for name in NAMES:
        found = measure_uncertainty(p, name)
        assert ((found >= -1e-12) & (found <= 1 + 1e-12)).all()
        np.testing.assert_allclose(measure_uncertainty(p[:, ::-1], name), found)
    # Of two classes all three say the same.
    orders = [np.argsort(measure_uncertainty(p[:, :1] * [1, 0] + [0, 1] - p[:, :1] * [0, 1], name)) for name in NAMES]
    assert all((order == orders[0]).all() for order in orders)


@given(SEEDS, st.integers(2, 8), st.floats(0.05, 5))
def test_uncertainty_is_scipys_entropy_and_what_the_likeliest_leave(seed: int, num_classes: int, spread: float) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(num_classes, spread), 20)
    np.testing.assert_allclose(measure_uncertainty(p, "entropy"), entropy(p, axis=1) / np.log(num_classes), atol=1e-9)
    np.testing.assert_allclose(measure_uncertainty(p, "least_confident"), 1 - p.max(axis=1), atol=1e-12)
    second, first = np.sort(p, axis=1)[:, -2:].T
    np.testing.assert_allclose(measure_uncertainty(p, "margin"), 1 - (first - second), atol=1e-12)


@given(SEEDS, st.integers(1, 12), st.integers(0, 5), st.integers(1, 15))
def test_each_choice_is_the_farthest_of_what_is_left(seed: int, num: int, num_centres: int, budget: int) -> None:
    random = np.random.default_rng(seed)
    places, centres = random.normal(size=(num, 3)), random.normal(size=(num_centres, 3))
    chosen = spread_out(places, centres, budget)
    assert len(set(chosen.tolist())) == len(chosen) == min(num, budget)
    for number, place in enumerate(chosen):
        before = np.concatenate([centres, places[chosen[:number]]])
        if len(before):
            distances = cdist(places, before).min(axis=1)
            distances[chosen[:number]] = -1
            assert distances[place] == pytest.approx(distances.max(), abs=1e-6)


def test_strategies_choose_as_they_say() -> None:
    candidates = Candidates(np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([[0.0], [0.1], [5.0], [5.1], [9.0]]))
    wanted = {"margin": [0, 1], "mix": [0, 3], "diverse": [0, 4], "random": [0, 1]}
    for strategy, expected in wanted.items():
        config = QueueConfig(table="q", strategy=strategy, budget=2, mix_factor=2)  # type: ignore[arg-type]
        assert choose_candidates(candidates, None, config).tolist() == expected, strategy
    config = QueueConfig(table="q", strategy="diverse", budget=9)
    assert choose_candidates(candidates, np.array([[9.0]]), config).tolist()[0] == 0
    assert sorted(choose_candidates(candidates, None, config)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("strategy", ["mix", "diverse", "margin"])
def test_nothing_left_is_nothing_chosen(strategy: str) -> None:
    config = QueueConfig(table="q", strategy=strategy, budget=2)  # type: ignore[arg-type]
    none = Candidates(np.zeros(0), np.zeros((0, 1)))
    for centres in (None, np.zeros((0, 1)), np.ones((4, 3))):
        assert choose_candidates(none, centres, config).tolist() == []
    some = Candidates(np.array([0.9, 0.8]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    # Labelled items of which none has a place.
    assert choose_candidates(some, np.zeros((0, 1)), config).tolist() == [0, 1]


def test_arrays_of_two_models_are_refused() -> None:
    config = QueueConfig(table="q", strategy="diverse", budget=1)
    some = Candidates(np.array([0.9]), np.array([[0.0, 1.0]]))
    with pytest.raises(DataError, match=r"arrays of 2 numbers, labelled ones of 3: .* score all of them"):
        choose_candidates(some, np.ones((4, 3)), config)

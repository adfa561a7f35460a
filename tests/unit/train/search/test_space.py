"""Spaces become configs of trials and Optuna's distributions; what a config refuses is found at the ends of a range."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from dbx_dl.config import Dimension, OptimizerConfig, TrainConfig
from dbx_dl.errors import ConfigError
from dbx_dl.train.search.space import apply_values, create_distributions, list_extremes, list_points

CONFIG = TrainConfig(network="mlp", network_options={"num_layers": 1}, optimizer=OptimizerConfig(name="sgd"))


def test_values_reach_their_places_and_nothing_else_changes() -> None:
    values = {"batch_size": 8, "optimizer.learning_rate": 0.5, "network_options.hidden_units": 16}
    changed = apply_values(CONFIG, values)
    assert (changed.batch_size, changed.optimizer.learning_rate) == (8, 0.5)
    assert changed.network_options == {"num_layers": 1, "hidden_units": 16}
    assert apply_values(CONFIG, {}) == CONFIG
    assert CONFIG.network_options == {"num_layers": 1}


def test_ends_of_a_range_are_tried_on_the_config() -> None:
    space = {"optimizer.momentum": Dimension(low=0.0, high=0.9), "batch_size": Dimension(choices=(8, 16))}
    assert [(c.optimizer.momentum, c.batch_size) for c in list_extremes(CONFIG, space)] == [(0, 8), (0.9, 8), (0, 16)]
    with pytest.raises(ConfigError, match=r"search.space: optimizer.momentum: .*less than 1 \(got 1.5\)"):
        list_extremes(CONFIG, {"optimizer.momentum": Dimension(low=0.0, high=1.5)})
    with pytest.raises(ConfigError, match=r"search.space: batch_size: .*valid integer.*\(got 4.5\)"):
        list_extremes(CONFIG, {"batch_size": Dimension(low=4.5, high=8)})


def test_whole_numbers_stay_whole_where_the_setting_is_whole() -> None:
    space = {
        "optimizer.learning_rate": Dimension(low=1, high=2),
        "optimizer.momentum": Dimension(low=0.0, high=0.5, step=0.25),
        "batch_size": Dimension(low=8, high=32, log=True),
        "network_options.hidden_units": Dimension(low=16, high=128, step=16),
        "network_options.dropout": Dimension(low=0.1, high=0.5),
        "early_stopping_epochs": Dimension(choices=(None, 3)),
    }
    found = create_distributions(CONFIG, space)
    assert list(found) == sorted(space)
    assert found["optimizer.learning_rate"] == FloatDistribution(1, 2)
    assert found["optimizer.momentum"] == FloatDistribution(0, 0.5, step=0.25)
    assert found["batch_size"] == IntDistribution(8, 32, log=True)
    assert found["network_options.hidden_units"] == IntDistribution(16, 128, step=16)
    assert found["network_options.dropout"] == FloatDistribution(0.1, 0.5)
    assert found["early_stopping_epochs"] == CategoricalDistribution((None, 3))


def test_a_grid_has_every_point_once_in_an_order_of_the_seed() -> None:
    space = {"batch_size": Dimension(choices=(8, 16, 32)), "optimizer.momentum": Dimension(low=0.0, high=0.5, step=0.5)}
    points = list_points(space, seed=1)
    assert sorted((p["batch_size"], p["optimizer.momentum"]) for p in points) == [
        (8, 0.0), (8, 0.5), (16, 0.0), (16, 0.5), (32, 0.0), (32, 0.5)
    ]  # fmt: skip
    assert points == list_points(space, seed=1) != list_points(space, seed=2)

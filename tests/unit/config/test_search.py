"""The search section: which settings it may vary, and how a mistake in it is told."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.config import Dimension, SearchConfig, TrainConfig, parse_run_config
from dbx_dl.config.search import list_settings
from dbx_dl.errors import ConfigError
from tests.unit.config.test_loading import TABLE, run_values

SIZES = {"batch_size": {"choices": [16, 32]}}


def explain(**search: Any) -> str:
    values = run_values(TABLE) | {"search": {"num_trials": 3, "space": SIZES} | search}
    with pytest.raises(ConfigError) as caught:
        parse_run_config(values)
    return str(caught.value).removeprefix("run config: ")


def test_a_run_may_have_no_search() -> None:
    assert parse_run_config(run_values(TABLE)).search is None
    values = run_values(TABLE) | {"search": {"num_trials": 3, "space": SIZES}}
    assert parse_run_config(values).search == SearchConfig(
        num_trials=3, space={"batch_size": Dimension(choices=(16, 32))}
    )


def test_settings_are_the_dotted_names_of_train() -> None:
    names = list_settings(TrainConfig)
    assert {"batch_size", "network", "num_epochs", "optimizer.learning_rate", "network_options.*"} <= set(names)
    assert "optimizer" not in names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "optimizer.learning_rat",
            "search.space: unknown setting 'optimizer.learning_rat'; did you mean 'opt",
        ),
        ("learning_rate", "did you mean 'optimizer.learning_rate'?"),
        ("optimizer", "unknown setting 'optimizer'"),
        ("network_options", "did you mean 'network_options.*'?"),
        ("network_options.", "unknown setting 'network_options.'"),
        ("num_ranks", "search.space: num_ranks is the same for all trials: set train.num_ranks"),
    ],
)
def test_unknown_settings_are_refused_with_the_nearest(name: str, message: str) -> None:
    assert message in explain(space={name: {"low": 1, "high": 2}})


@pytest.mark.parametrize(
    ("dimension", "message"),
    [
        ({}, "search.space.batch_size: needs choices, or low and high"),
        ({"low": 1}, "needs choices, or low and high"),
        ({"low": 4, "high": 4}, "low 4 is not below high 4"),
        ({"low": 0, "high": 4, "log": True}, "log needs low above 0 and no step"),
        ({"low": 1, "high": 4, "log": True, "step": 1}, "log needs low above 0 and no step"),
        ({"choices": [1, 1]}, "a choice is named twice"),
        ({"choices": [1], "low": 1}, "choices stand alone"),
        ({"lwo": 1, "high": 2}, "unknown key 'search.space.batch_size.lwo'; did you mean 'low'?"),
    ],
)
def test_dimensions_that_say_nothing_are_refused(dimension: Any, message: str) -> None:
    assert message in explain(space={"batch_size": dimension})


def test_a_search_counts_with_splits_that_training_may_see() -> None:
    assert "search.metric" in explain(metric="test_accuracy")


def test_a_grid_needs_points() -> None:
    space = {"optimizer.learning_rate": {"low": 0.1, "high": 0.2}}
    assert "sampler grid needs choices or a step in space.optimizer.learning_rate" in explain(
        sampler="grid", space=space
    )


def test_points_hold_both_ends_and_whole_numbers_stay_whole() -> None:
    assert Dimension(low=16, high=48, step=16).points == (16, 32, 48)
    assert Dimension(low=1, high=3).points == (1, 2, 3)
    assert Dimension(low=0.1, high=0.3, step=0.1).points == pytest.approx((0.1, 0.2, 0.3))
    assert Dimension(low=0.1, high=0.3).points == ()
    assert Dimension(choices=("a", None)).points == ("a", None)
    assert [type(point) for point in Dimension(low=1, high=2).points] == [int, int]

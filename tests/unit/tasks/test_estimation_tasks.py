"""Tasks of several numbers: quantiles never cross, names say what they are, levels travel with the table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import Target
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.requests import network_request, objective_request
from dbx_dl.tasks import TASKS, TaskSettings, task_of
from dbx_dl.tasks.retargeting import retarget
from tests.unit.tasks.test_tasks import table

LEVELS = (0.025, 0.5, 0.975)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3), st.floats(1e-3, 1e3), st.floats(-1e6, 1e6))
def test_quantiles_never_cross(outputs: list[float], scale: float, center: float) -> None:
    settings = TaskSettings(label_center=center, label_scale=scale)
    found = TASKS["quantiles"].predict(np.array([outputs], np.float32), settings)
    assert np.isfinite(found).all() and (np.diff(found) >= 0).all()


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=2, max_size=2))
def test_spreads_are_above_zero_and_everything_is_finite(outputs: list[float]) -> None:
    for name in ("gaussian", "negative_binomial"):
        found = TASKS[name].predict(np.array([outputs], np.float32), TaskSettings(label_scale=2.0))
        assert np.isfinite(found).all() and found[0, 1] >= 1e-3


def test_intervals_are_those_that_coverage_is_of() -> None:
    predictions = np.array([[1.0, 2.0, 4.0], [0.0, 1.0, 3.0]])
    low, high = TASKS["quantiles"].find_interval(predictions)
    assert (low.tolist(), high.tolist()) == ([1.0, 0.0], [4.0, 3.0])
    low, high = TASKS["gaussian"].find_interval(np.array([[1.0, 2.0]]))
    inside = TASKS["gaussian"].measure(low + 0.01, np.array([[1.0, 2.0]]))["coverage"]
    outside = TASKS["gaussian"].measure(high + 0.01, np.array([[1.0, 2.0]]))["coverage"]
    assert (inside, outside) == (1.0, 0.0)
    assert TASKS["negative_binomial"].find_interval(np.array([[1.0, 2.0]])) is None


def test_levels_travel_with_the_target() -> None:
    prepared = retarget(table("regression"), "quantiles", LEVELS)
    assert prepared.target.quantiles == LEVELS
    assert task_of(prepared.target).name_values(prepared.target) == ("q2_5", "q50", "q97_5")
    assert network_request(prepared, "mlp", {}, 0).num_outputs == 3
    request = objective_request(prepared, TrainConfig(network="mlp", task="quantiles", quantiles=LEVELS))
    assert request.quantiles == LEVELS
    found = SupervisedMeasures(request)._task.measure(np.array([1.0]), np.array([[0.0, 1.0, 2.0]]))
    assert found["pinball"] == pytest.approx(2 * 0.025 / 3) and found["coverage"] == 1.0
    assert task_of("quantiles").name_values(prepared.target) == ("q10", "q50", "q90")


def test_the_point_is_the_quantile_nearest_to_the_median() -> None:
    task = task_of(Target(task="quantiles", column="y", quantiles=(0.05, 0.4, 0.8)))
    assert task.measure(np.array([3.0]), np.array([[1.0, 2.0, 9.0]]))["mae"] == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"quantiles": (0.1, 0.9)}, "quantiles go with `task: quantiles`"),
        ({"task": "quantiles", "quantiles": (0.9, 0.1)}, r"quantiles must rise, got 0\.9, 0\.1"),
        ({"task": "quantiles", "quantiles": (0.0, 0.5)}, "greater than 0"),
    ],
)
def test_levels_that_cannot_be_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainConfig.model_validate({"network": "mlp", **values})

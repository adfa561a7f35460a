"""Which metrics may come of predictions that are known within rounding only."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.contracts import Target, TaskName
from dbx_dl.export.rounding import bound_metrics
from dbx_dl.tasks import TASKS, TaskSettings

RANDOM = np.random.default_rng(5)


def draw(task: TaskName) -> tuple[np.ndarray, np.ndarray]:
    if task == "multilabel":
        return RANDOM.integers(0, 2, (50, 3)).astype(np.float32), RANDOM.random((50, 3))
    if task == "generation":
        return RANDOM.random((50, 4)), RANDOM.random((50, 4))
    if task == "segmentation":
        return RANDOM.integers(0, 3, (50, 8, 8)), RANDOM.dirichlet(np.ones(3), (50, 8, 8))
    if task == "boxes":
        labels = np.concatenate([RANDOM.integers(0, 2, (50, 3, 1)), RANDOM.uniform(0.1, 0.4, (50, 3, 4))], axis=2)
        return labels, RANDOM.uniform(0.1, 0.4, (50, 6, 7))
    if task == "generation":
        return RANDOM.random((50, 4)), RANDOM.random((50, 4))
    if task == "sequence":
        return RANDOM.integers(0, 3, (50, 4)), RANDOM.integers(0, 3, (50, 2, 4)).astype(np.float64)
    if task == "recommendation":
        return RANDOM.integers(0, 12, 50), TASKS[task].predict(RANDOM.normal(size=(50, 12)), TaskSettings())
    if task == "frames":
        logits = RANDOM.normal(size=(50, 3, 4))
        return RANDOM.integers(-1, 4, (50, 3)), np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    if TASKS[task].output_kind == "values":
        outputs = 2 + 0.3 * RANDOM.normal(size=(50, TASKS[task].count_outputs(Target(task=task, column="y"))))
        return RANDOM.poisson(3, 50).astype(np.float32), TASKS[task].predict(outputs, TaskSettings())
    if task in ("regression", "count"):
        return RANDOM.poisson(3, 50).astype(np.float32), RANDOM.random(50) * 6 + 0.1
    logits = RANDOM.normal(size=(50, 4))
    return RANDOM.integers(0, 4, 50), np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_measured_lies_between_and_the_range_is_narrow(task: TaskName) -> None:
    labels, predictions = draw(task)
    bounds = bound_metrics(TASKS[task], labels, predictions, 1e-5, TaskSettings())
    found = TASKS[task].measure(labels, predictions)
    assert set(bounds) == set(found)
    for name, value in found.items():
        low, high = bounds[name]
        assert low - 1e-12 <= value <= high + 1e-12 and high - low < 1e-3


def test_ties_may_fall_either_way() -> None:
    labels, predictions = np.array([0, 1]), np.array([[0.5, 0.5], [0.5 + 1e-9, 0.5 - 1e-9]])
    bounds = bound_metrics(TASKS["binary"], labels, predictions, 1e-5, TaskSettings())
    assert bounds["accuracy"] == (0.0, 1.0) and bounds["auc"] == (0.0, 1.0)
    assert bounds["brier"][1] - bounds["brier"][0] < 1e-4


def test_numbers_do_not_move_beyond_their_truth() -> None:
    labels, predictions = np.array([4.0, 2.0], np.float32), np.array([4.0 + 1e-9, 1.0])
    bounds = bound_metrics(TASKS["regression"], labels, predictions, 1e-2, TaskSettings(label_scale=10.0))
    assert bounds["mae"] == pytest.approx((0.45, 0.6))

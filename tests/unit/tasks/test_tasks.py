"""Every task's graph gives its predictions, what it says of itself holds, and only what fits is retargeted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dbx_dl.config.register import MetricName
from dbx_dl.contracts import Calibration, ColumnProfile, PreparedTable, TableStatistics, Target, TaskName, TextFeature
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.tasks import TASKS, Task, TaskSettings, task_of
from dbx_dl.tasks.graph_end import GraphEnd
from dbx_dl.tasks.retargeting import retarget
from tests.prepared_tables import IMAGES, SPEC, describe

WORDS = TextFeature(column="y", pattern=r"\w+", max_length=3, vocabulary=("x", "y"))
RANDOM = np.random.default_rng(3)
NAMES = ("a", "b")
# Boxes, masks and items have tests of their own.
HERE = [name for name in TASKS if name not in ("boxes", "segmentation", "recommendation")]
SETTINGS = TaskSettings(
    label_center=50.0,
    label_scale=4.0,
    calibration=Calibration(method="platt", slopes=(2.0, 0.5), offsets=(0.1, -0.2)),
)


def target_of(task: Task) -> Target:
    names = NAMES if task.label_kind in ("class", "label_set", "frames") else ()
    image = IMAGES if task.label_kind == "image" else None
    num_frames = 3 if task.label_kind == "frames" else 0
    text = WORDS if task.label_kind == "tokens" else None
    num_clusters = 4 if task.name == "clustering" else 0
    places = {"image": image, "num_frames": num_frames, "text": text, "num_clusters": num_clusters}
    return Target(task=task.name, column="y", label_names=names, **places)


def draw_labels(task: Task, num_rows: int) -> np.ndarray:
    if task.label_kind == "class":
        return RANDOM.integers(0, 2, num_rows)
    if task.label_kind == "frames":
        return RANDOM.integers(0, 2, (num_rows, 3))
    if task.label_kind == "tokens":
        return RANDOM.integers(0, 4, (num_rows, 3)) * (RANDOM.integers(0, 4, (num_rows, 1)) > np.arange(3))
    if task.label_kind == "image":
        return RANDOM.uniform(size=(num_rows, 30)).astype(np.float32)
    if task.label_kind == "label_set":
        return RANDOM.integers(0, 2, (num_rows, 2)).astype(np.float32)
    return RANDOM.poisson(50, num_rows).astype(np.float32)


def table(task: TaskName, **profile: Any) -> PreparedTable:
    statistics = TableStatistics(
        profiles=(ColumnProfile(column="y", kind="numeric", num_rows=5, num_nulls=0, **profile),)
    )
    changes = {"target": Target(task=task, column="y"), "statistics": statistics}
    return describe(Path("t"), 0, {"train": 5}, SPEC, NAMES).model_copy(update=changes)


@pytest.mark.parametrize("name", HERE)
def test_a_graph_gives_what_the_task_predicts(name: str) -> None:
    task = task_of(target_of(TASKS[name]))
    width = task.count_outputs(target_of(task))
    info = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", width])
    model = helper.make_model(helper.make_graph([], "g", [info], []), opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    task.add_head(GraphEnd(model), "logits", "found", SETTINGS)
    kind = TensorProto.DOUBLE if task.file_dtype == "float64" else TensorProto.FLOAT
    shape = ["N", *task.row_shape(target_of(task))]
    model.graph.output.append(helper.make_tensor_value_info("found", kind, shape))
    onnx.checker.check_model(model)
    logits = (RANDOM.normal(size=(20, width)) * 3).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"logits": logits})
    expected = task.predict(logits, SETTINGS)
    assert found.shape == expected.shape == (20, *expected.shape[1:])
    assert (expected.ndim == 1) == (task.output_kind == "value")
    assert task.scale_differences(found.astype(np.float64), expected, SETTINGS).max() < 1e-6


@pytest.mark.parametrize("name", HERE)
def test_metrics_are_those_that_a_task_names_weighted_ones_too(name: str) -> None:
    task = task_of(target_of(TASKS[name]))
    labels = draw_labels(task, 40)
    predictions = task.predict(
        RANDOM.normal(size=(40, task.count_outputs(target_of(task)))).astype(np.float32), SETTINGS
    )
    found = task.measure(labels, predictions)
    assert set(found) == set(task.metrics) and task.default_metric in found
    weighed = task.weigh(labels, predictions, np.ones((2, 40)), task.metrics)
    for metric, values in weighed.items():
        assert values == pytest.approx([found[metric]] * 2, rel=1e-9)


def test_any_metric_of_a_task_can_decide_about_a_champion() -> None:
    assert {name for task in TASKS.values() for name in task.metrics} <= set(get_args(MetricName))


def test_only_choices_are_the_same_or_not() -> None:
    first, second = np.array([[0.4, 0.6], [0.7, 0.3]]), np.array([[0.45, 0.55], [0.4, 0.6]])
    assert [list(TASKS[name].is_same_choice(first, second)) for name in ("binary", "multilabel")] == [[True, False]] * 2
    assert TASKS["regression"].is_same_choice(first[:, 0], second[:, 0]) is None


def test_numbers_may_have_another_task() -> None:
    prepared = table("regression", minimum=0.0)
    assert retarget(prepared, None) is prepared and retarget(prepared, "regression") is prepared
    assert task_of(retarget(prepared, "count").target).name == "count"
    assert prepared.target.task == "regression"
    with pytest.raises(DataError, match=r"'count' takes labels of 0 or more: y of table .* has -2"):
        retarget(table("regression", minimum=-2.0), "count")


def test_what_does_not_go_together_is_told() -> None:
    with pytest.raises(ConfigError, match=r"'multiclass' does not go with .* prepared for regression: .* one of count"):
        retarget(table("regression"), "multiclass")
    with pytest.raises(ConfigError, match=r"'multiclass' does not go with .* prepared for binary: leave it out"):
        retarget(table("binary"), "multiclass")
    with pytest.raises(ConfigError, match=r"'count' does not go with .* prepared for none"):
        retarget(table("none"), "count")

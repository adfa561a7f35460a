"""Boxes: what a graph gives of cells is what the task predicts, and predictions can be moved towards the truth."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dbx_dl.contracts import Target
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.tasks.boxes import BoxTask, list_cells
from dbx_dl.tasks.graph_end import GraphEnd

TARGET = Target(task="boxes", column="label", label_names=("a", "b"), grid=(3, 4), max_boxes=2)
SETTINGS = TaskSettings()


def draw_outputs(num_rows: int) -> np.ndarray:
    return (np.random.default_rng(4).normal(size=(num_rows, 3 * 4 * 7)) * 3).astype(np.float32)


def test_a_graph_gives_what_the_task_predicts() -> None:
    task = task_of(TARGET)
    assert isinstance(task, BoxTask) and task.count_outputs(TARGET) == 3 * 4 * 7
    info = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3 * 4 * 7])
    model = helper.make_model(helper.make_graph([], "g", [info], []), opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    task.add_head(GraphEnd(model), "logits", "found", SETTINGS)
    model.graph.output.append(helper.make_tensor_value_info("found", TensorProto.FLOAT, ["N", 12, 7]))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for num_rows in (1, 20):
        outputs = draw_outputs(num_rows)
        (found,) = session.run(None, {"logits": outputs})
        expected = task.predict(outputs, SETTINGS)
        assert found.shape == expected.shape == (num_rows, 12, 7)
        assert task.scale_differences(found.astype(np.float64), expected, SETTINGS).max() < 1e-6


def test_the_middle_of_a_box_is_in_its_cell() -> None:
    task = task_of(TARGET)
    found = task.predict(draw_outputs(50), SETTINGS)
    middles = (found[..., 1:3] + found[..., 3:5] / 2) * (4, 3)
    np.testing.assert_array_equal(np.floor(middles), np.broadcast_to(list_cells(3, 4), middles.shape))
    np.testing.assert_allclose(found[..., 5:].sum(axis=2), 1)
    zeros = task.predict(np.zeros((1, 3 * 4 * 7), np.float32), SETTINGS)
    np.testing.assert_allclose(zeros[0, 5], [0.5, 1.5 / 4 - 0.25, 1.5 / 3 - 0.25, 0.5, 0.5, 0.5, 0.5])


def test_metrics_are_those_that_the_task_names_weighted_ones_too() -> None:
    task, random = task_of(TARGET), np.random.default_rng(1)
    predictions = task.predict(draw_outputs(30), SETTINGS)
    labels = np.zeros((30, 2, 5), np.float32)
    labels[:, 0] = np.concatenate([random.integers(0, 2, (30, 1)), random.uniform(0.1, 0.5, (30, 4))], axis=1)
    found = task.measure(labels, predictions)
    assert set(found) == set(task.metrics) and task.default_metric in found
    for name, values in task.weigh(labels, predictions, np.ones((2, 30)), task.metrics).items():
        assert values == pytest.approx([found[name]] * 2, rel=1e-9)
    # A whole weight counts a row so often as it were repeated.
    weights = random.integers(0, 3, 30)
    repeated = task.measure(np.repeat(labels, weights, axis=0), np.repeat(predictions, weights, axis=0))
    for name, values in task.weigh(labels, predictions, weights[None].astype(np.float64), task.metrics).items():
        assert values[0] == pytest.approx(repeated[name], rel=1e-9)
    nearer, farther = (task.measure(labels, task.move(labels, predictions, d, SETTINGS)) for d in (0.02, -0.02))
    assert farther["map_50"] <= found["map_50"] <= nearer["map_50"]


def test_cells_choose_an_object_and_its_label() -> None:
    task = task_of(TARGET)
    one = np.zeros((3, 2, 7))
    one[..., 0], one[..., 5] = 0.9, 1.0
    other = one.copy()
    other[1, 0, 0], other[2, 1, 6] = 0.4, 2.0
    assert task.is_same_choice(one, other).tolist() == [True, False, False]  # type: ignore[union-attr]

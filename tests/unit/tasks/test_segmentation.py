"""Masks: what a graph gives of pixels is what the task predicts, and metrics need masks alone."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dbx_dl.contracts import Target
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.tasks.graph_end import GraphEnd
from dbx_dl.tasks.segmentation import SegmentationTask

TARGET = Target(task="segmentation", column="label", label_names=("a", "b"), grid=(3, 4))
SETTINGS = TaskSettings()
TASK = task_of(TARGET)
WIDTH = 3 * 4 * 3


def draw_outputs(num_rows: int) -> np.ndarray:
    return (np.random.default_rng(4).normal(size=(num_rows, WIDTH)) * 3).astype(np.float32)


def test_a_graph_gives_what_the_task_predicts() -> None:
    assert isinstance(TASK, SegmentationTask) and TASK.count_outputs(TARGET) == WIDTH
    info = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", WIDTH])
    model = helper.make_model(helper.make_graph([], "g", [info], []), opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    TASK.add_head(GraphEnd(model), "logits", "found", SETTINGS)
    model.graph.output.append(helper.make_tensor_value_info("found", TensorProto.FLOAT, ["N", 3, 4, 3]))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for num_rows in (1, 20):
        outputs = draw_outputs(num_rows)
        (found,) = session.run(None, {"logits": outputs})
        expected = TASK.predict(outputs, SETTINGS)
        assert found.shape == expected.shape == (num_rows, 3, 4, 3)
        assert TASK.scale_differences(found.astype(np.float64), expected, SETTINGS).max() < 1e-6


def test_metrics_of_masks_are_those_of_probabilities() -> None:
    assert isinstance(TASK, SegmentationTask)
    outputs, labels = draw_outputs(30), np.random.default_rng(2).integers(0, 3, (30, 3, 4)).astype(np.uint8)
    probabilities, masks = TASK.predict(outputs, SETTINGS), TASK.observe(outputs)
    found = TASK.measure(labels, probabilities)
    assert set(found) == set(TASK.metrics) and TASK.default_metric in found
    assert TASK.measure(labels, masks) == found == TASK.measure(labels, masks.astype(np.float32))
    for name, values in TASK.weigh(labels, masks, np.ones((2, 30)), TASK.metrics).items():
        assert values == pytest.approx([found[name]] * 2, rel=1e-9)
    weights = np.random.default_rng(3).integers(0, 3, 30)
    repeated = TASK.measure(np.repeat(labels, weights, axis=0), np.repeat(masks, weights, axis=0))
    for name, values in TASK.weigh(labels, masks, weights[None].astype(np.float64), TASK.metrics).items():
        assert values[0] == pytest.approx(repeated[name], rel=1e-9)
    nearer, farther = (TASK.measure(labels, TASK.move(labels, probabilities, d, SETTINGS)) for d in (0.3, -0.3))
    assert farther["pixel_accuracy"] < found["pixel_accuracy"] < nearer["pixel_accuracy"]
    assert TASK.move(labels, masks, 0.1, SETTINGS) is masks


def test_all_pixels_have_to_be_the_same_choice() -> None:
    one = np.random.default_rng(5).dirichlet(np.ones(3), (2, 3, 4))
    other = one.copy()
    other[1, 2, 3] = np.roll(other[1, 2, 3], 1)
    assert list(TASK.is_same_choice(one, other)) == [True, False]  # type: ignore[arg-type]

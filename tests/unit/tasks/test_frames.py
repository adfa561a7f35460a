"""Labels by step: read, predicted, measured and scored, in NumPy and in the graph alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from dbx_dl.contracts import Target, TextFeature, TextSpec
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.export.onnx_model import write_model
from dbx_dl.feed.targets import LabelReader
from dbx_dl.frameworks.architectures import check_network
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.score.outputs.frame_labels import FrameLabels, read_frames
from dbx_dl.tasks import TaskSettings, task_of
from tests.onnx_models import make_metadata

TARGET = Target(task="frames", column="label", label_names=("noun", "verb"), num_frames=3)
TASK = task_of(TARGET)
# Two steps, none, and three; a network puts padding at -10,000.
LOGITS = np.array([[2, 0, 0, 1, -1e4, -1e4], [-1e4] * 6, [0, 3, 1, 1, -2, 0]], np.float32)
LABELS = np.array([[0, 1, -1], [-1, -1, -1], [1, 0, 1]])


def read(labels: list[list[int | None]]) -> Any:
    return LabelReader(TARGET).read(pa.table({"label_index": pa.array(labels, pa.list_(pa.int32()))}), "it")


def test_labels_are_padded_and_cut() -> None:
    assert read([[0, 1], [], [1, 0, 1, 1, 1]]).tolist() == LABELS.tolist()
    assert LabelReader(TARGET).row_shape == (3,)


def test_unknown_labels_are_refused() -> None:
    with pytest.raises(DataError, match="labels outside of the 2 known"):
        read([[0, 2]])


def test_padding_has_no_probability_and_does_not_count() -> None:
    predictions = TASK.predict(LOGITS, TaskSettings())
    assert predictions.shape == (3, 3, 2)
    np.testing.assert_allclose(predictions.sum(axis=2), LABELS >= 0)
    found = TASK.measure(LABELS, predictions)
    assert found["accuracy"] == 1.0  # one of five steps is a tie, which the first class wins
    assert set(found) == set(TASK.metrics)
    weighed = TASK.weigh(LABELS, predictions, np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]), ("accuracy", "log_loss"))
    assert weighed["log_loss"][0] == pytest.approx(found["log_loss"])
    assert weighed["log_loss"][1] == pytest.approx(-np.log(predictions[0, [0, 1], [0, 1]]).mean())


def test_moving_is_towards_the_truth_of_every_step() -> None:
    predictions = TASK.predict(LOGITS, TaskSettings())
    moved = TASK.move(LABELS, predictions, 0.1, TaskSettings())
    assert TASK.measure(LABELS, moved)["log_loss"] < TASK.measure(LABELS, predictions)["log_loss"]
    assert not moved[LABELS < 0].any()


def test_the_file_gives_what_the_task_predicts(tmp_path: Path) -> None:
    spec = TextSpec(text=TextFeature(column="t", pattern=r"\w+", max_length=3, vocabulary=("a", "b")))
    nodes = [
        helper.make_node("Cast", ["inputs"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["float", "float"], ["logits"], axis=1),
    ]
    taken = helper.make_tensor_value_info("inputs", TensorProto.INT32, ["N", 3])
    given = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 6])
    network = helper.make_model(
        helper.make_graph(nodes, "n", [taken], [given]), opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )
    metadata = make_metadata(spec, TARGET.label_names).model_copy(update={"target": TARGET})
    write_model(network, metadata, tmp_path / "m.onnx", 10**9)
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["N", 3, 2]
    (found,) = session.run(["frames"], {"t": np.array(["a b", "b"], object)})
    ids = np.array([[2, 3, 0, 2, 3, 0], [3, 0, 0, 3, 0, 0]], np.float32)
    np.testing.assert_allclose(found, TASK.predict(ids, TaskSettings()), atol=1e-6)


def test_scores_have_an_entry_for_each_step() -> None:
    predictions = TASK.predict(LOGITS, TaskSettings()).astype(np.float32)
    part = FrameLabels("frames", TARGET.label_names)
    fields = part.build(predictions, part.fields)
    assert fields["labels"].to_pylist() == [["noun", "verb"], [], ["verb", "noun", "verb"]]
    assert [len(row) for row in fields["probabilities"].to_pylist()] == [2, 0, 3]
    np.testing.assert_allclose(read_frames(pa.chunked_array([fields["frames"]]), 3, 2), predictions)
    shorter = read_frames(pa.chunked_array([fields["frames"]]), 2, 2)
    np.testing.assert_allclose(shorter, predictions[:, :2])
    assert part.build(part.no_rows(), part.fields)["labels"].to_pylist() == []


def test_networks_that_give_one_answer_are_refused() -> None:
    with pytest.raises(ConfigError, match="'text_cnn' gives one answer for a row, not one for each token"):
        check_network(NetworkRequest("text_cnn", {}, (3,), "int32", 6, 0, 4, 3))

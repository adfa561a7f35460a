"""Explanations of Arrow batches as a worker makes them: images, columns, texts and series, and rows that cannot be."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from dbx_dl.config import ExplainOptions
from dbx_dl.contracts import StepsFeature, StepsSpec, TextFeature, TextSpec
from dbx_dl.errors import ConfigError
from dbx_dl.explain.arrow_streams import write_stream
from dbx_dl.explain.local.networks import sum_unnamed, tell_cause
from dbx_dl.explain.worker import ShippedExplainer, count_rows_at_once, explain_arrays, gather_batches
from dbx_dl.export.onnx_model import write_model
from dbx_dl.score.model.session import digest_file, open_model
from dbx_dl.score.worker import ShippedModel
from tests.onnx_models import make_metadata, make_model, make_network
from tests.prepared_tables import IMAGES, SPEC, encode_png

TEXT = TextSpec(text=TextFeature(column="text", pattern=r"\w+", max_length=4, vocabulary=("bad", "good")))
STEPS = StepsSpec(features=(StepsFeature(column="x", fill=0.0), StepsFeature(column="y", fill=0.0)), max_steps=3)


def ship(path: Path, options: ExplainOptions, background: pa.Table | None = None) -> ShippedExplainer:
    """An explainer of a file on this machine."""
    stream = None if background is None else write_stream(background)
    return ShippedExplainer(ShippedModel(str(path.absolute()), digest_file(path)), options, stream)


def explain(explainer: ShippedExplainer, *columns: pa.Array) -> list[dict[str, Any]]:
    parts = list(explain_arrays(iter([tuple(columns)]), explainer))
    return pa.concat_arrays(parts).to_pylist()


def write_linear(path: Path, inputs: Any, weights: np.ndarray) -> Path:
    write_model(make_network(inputs, weights.astype(np.float32)), make_metadata(inputs, ("down", "up")), path)
    return path


def test_images_get_heat_where_the_weights_are(tmp_path: Path) -> None:
    weights = np.zeros((30, 2))
    weights[7, 1] = 4  # the pixel (1, 2) of 6 x 5
    path = write_linear(tmp_path / "m.onnx", IMAGES, weights)
    image = np.full((6, 5, 1), 255, np.uint8)
    options = ExplainOptions(method="occlusion", label="up", occlusion={"patch": 1, "stride": 1, "fill": 0})
    content = pa.array([encode_png(image[..., 0]), None, b"nothing"], pa.binary())
    first, null, broken = explain(ship(path, options), content)
    heat = np.asarray(Image.open(io.BytesIO(first["heat_map"])).convert("RGB"), int)
    factor = heat.shape[0] // 6
    redness = (heat[..., 0] - heat[..., 2])[::factor, ::factor]
    assert redness.shape == (6, 5) and np.unravel_index(redness.argmax(), (6, 5)) == (1, 2)
    assert (redness == redness.min()).sum() == 29
    assert first["explained_label"] == "up" and first["explained_score"] == pytest.approx(1 / (1 + np.exp(-4)))
    assert first["contributions"] is None and first["base_score"] is None and first["error"] is None
    assert null["error"].startswith("null") and broken["error"].startswith("not_an_image")
    assert broken["heat_map"] is null["overlay"] is None


def test_columns_share_the_way_from_the_mean_and_every_row_has_its_own_class(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "m.onnx", SPEC, np.array([[-1, 1], [0, 0], [0, 0], [0, 0], [0, 0]]))
    background = pa.table({"x": [0.0, 0.0], "y": [1.0, 2.0], "colour": ["red", None]})
    explainer = ship(path, ExplainOptions(method="shapley", top_k=1), background)
    found = explain(explainer, pa.array([3.0, -3.0, None]), pa.array([0.0, 9.0, 1.0]), pa.array(["red", "blue", ""]))
    assert [row["explained_label"] for row in found] == ["up", "down", "down"]
    for row in found[:2]:
        (only,) = row["contributions"]
        assert only["feature"] == "x" and only["contribution"] == pytest.approx(row["explained_score"] - 0.5)
        assert row["base_score"] == 0.5 and abs(row["gap"]) < 1e-12
    assert found[2]["contributions"][0]["contribution"] == 0


def write_text_model(path: Path) -> Path:
    """`up` the more, the more tokens are `good` and the fewer are `bad`."""
    nodes = [
        helper.make_node("Gather", ["values", "inputs"], ["scores"]),
        helper.make_node("ReduceSum", ["scores", "axis"], ["logits"], keepdims=0),
    ]
    constants = {
        "values": np.array([[0, 0], [0, 0], [0, -2], [0, 1]], np.float32),  # padding, unknown, bad, good
        "axis": np.array([1]),
    }
    network = make_model(
        nodes,
        helper.make_tensor_value_info("inputs", TensorProto.INT32, ["N", 4]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2]),
        constants,
    )
    write_model(network, make_metadata(TEXT, ("down", "up")), path)
    return path


def test_texts_are_explained_token_by_token(tmp_path: Path) -> None:
    path = write_text_model(tmp_path / "m.onnx")
    options = ExplainOptions(method="leave_out", label="up", top_k=None)
    texts = pa.array(["A GOOD, bad one; good beyond the end", "nothing here", "", None])
    first, plain, empty, null = explain(ship(path, options), texts)
    by_name = {each["feature"]: each["contribution"] for each in first["contributions"]}
    # The model sees four tokens; what lies beyond them stays out, also when one is left out.
    assert set(by_name) == {"a", "good", "bad", "one"}
    assert by_name["good"] > 0 > by_name["bad"] and by_name["a"] == by_name["one"] == 0
    assert [each["contribution"] for each in plain["contributions"]] == [0, 0]
    assert empty["contributions"] == null["contributions"] == [] and empty["error"] is None


def test_series_are_explained_number_by_number(tmp_path: Path) -> None:
    weights = np.zeros((9, 2))
    weights[3, 1] = 1  # x of the second step
    path = write_linear(tmp_path / "m.onnx", STEPS, weights)
    options = ExplainOptions(method="leave_out", label="up", top_k=None)
    x, y = pa.array([[1.0, 2.0], [5.0], [1.0]]), pa.array([[0.0, 1.0], [2.0], [1.0, 2.0]])
    first, short, uneven = explain(ship(path, options), x, y)
    by_name = {each["feature"]: each["contribution"] for each in first["contributions"]}
    assert set(by_name) == {"x[0]", "x[1]", "y[0]", "y[1]"}
    assert by_name["x[1]"] == pytest.approx(1 / (1 + np.exp(-2)) - 0.5) and by_name["x[0]"] == 0
    assert [each["contribution"] for each in short["contributions"]] == [0, 0]
    assert uneven["error"].startswith("uneven_steps")


def test_a_file_of_others_is_explained_by_its_columns(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    model = make_model(
        nodes,
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1]),
        {"w": np.array([[1], [-2], [0]], np.float32)},
    )
    onnx.save(model, tmp_path / "m.onnx")
    background = pa.table({"x": [[0.0, 0.0, 0.0]]})
    (row,) = explain(
        ship(tmp_path / "m.onnx", ExplainOptions(method="shapley"), background), pa.array([[1.0, 1.0, 1.0]])
    )
    assert {each["feature"]: each["contribution"] for each in row["contributions"]} == {
        "x[0]": 1,
        "x[1]": -2,
        "x[2]": 0,
    }
    assert (row["explained_label"], row["explained_score"], row["base_score"]) == ("y", -1, 0)
    # The same by position, as scoring takes it.
    apart = pa.table({name: [0.0] for name in ("x_0", "x_1", "x_2")})
    for stream in (background, apart):
        explainer = ship(tmp_path / "m.onnx", ExplainOptions(method="shapley"), stream)
        (three,) = explain(explainer, *[pa.array([1.0])] * 3)
        assert [each["contribution"] for each in three["contributions"]] == [-2, 1, 0]


def test_a_row_on_which_the_model_fails_costs_no_other_row(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["at"], to=TensorProto.INT64),
        helper.make_node("Gather", ["values", "at"], ["y"]),
    ]
    model = make_model(
        nodes,
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N"]),
        {"values": np.array([1.0, 2.0, np.nan], np.float32)},
    )
    onnx.save(model, tmp_path / "m.onnx")
    explainer = ship(
        tmp_path / "m.onnx", ExplainOptions(method="shapley"), pa.table({"x": pa.array([0.0], pa.float32())})
    )
    good, outside, none = explain(explainer, pa.array([1.0, 7.0, 2.0], pa.float32()))
    assert good["contributions"] == [{"feature": "x", "contribution": 1.0}]
    assert outside["error"].startswith("failed: ") and none["error"].startswith("not_finite: ")
    assert outside["contributions"] is none["explained_score"] is None


def test_rows_for_a_networks_process_come_in_few_pieces_of_bounded_size(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "m.onnx", IMAGES, np.zeros((30, 2)))
    plan = open_model(path).plan
    files = [encode_png(np.full((6, 5), shade, np.uint8)) for shade in range(60)]
    batches = [pa.RecordBatch.from_pydict({"content": files[start : start + 7]}) for start in range(0, 60, 7)]
    (whole,) = gather_batches(batches, plan)
    assert whole.column("content").to_pylist() == files and count_rows_at_once(plan, whole) == 60
    small = replace(plan, batch_bytes=30 * 20)  # twenty images
    assert count_rows_at_once(small, whole) == 20
    parts = list(gather_batches(batches, small))
    assert len(parts) > 1 and [file for part in parts for file in part.column("content").to_pylist()] == files


def test_the_cause_of_a_process_that_fails_is_its_last_words() -> None:
    trace = "\n".join(f"  File {line}" for line in range(100))
    assert tell_cause(f"f failed in its process:\n{trace}\nValueError: no such op\n\n") == (
        "f failed in its process: ValueError: no such op"
    )
    assert tell_cause("f was killed by signal 9 (SIGKILL)\n") == "f was killed by signal 9 (SIGKILL)"


def test_what_padding_adds_is_not_explained() -> None:
    found = np.array([[0.5, 0.25, 0.125], [1.0, 1.0, 1.0]])
    named = [{"good": 0.5}, {"a": 1.0, "b": 1.0, "c": 1.0}]
    assert sum_unnamed(found, named).tolist() == [0.375, 0.0]


def test_what_has_no_score_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    model = make_model(
        nodes,
        helper.make_tensor_value_info("x", TensorProto.STRING, ["N"]),
        helper.make_tensor_value_info("y", TensorProto.STRING, ["N"]),
        {},
    )
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ConfigError, match="no score of a class and no number for a row"):
        explain(ship(tmp_path / "m.onnx", ExplainOptions(method="shapley")), pa.array(["a"]))


def write_labels_and(path: Path, *names: str) -> Path:
    """A file of others that gives a label as a whole number, and the numbers in `names`."""
    outputs = {"label": (TensorProto.INT64, ["N"]), "margin": (TensorProto.FLOAT, ["N"])}
    nodes = [
        helper.make_node("Cast", ["x"], ["label"], to=TensorProto.INT64),
        helper.make_node("Mul", ["x", "two"], ["margin"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"])],
        [helper.make_tensor_value_info(name, *outputs[name]) for name in ("label", *names)],
        [numpy_helper.from_array(np.array([2], np.float32), "two")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def test_a_label_that_is_a_number_is_not_explained_as_one(tmp_path: Path) -> None:
    options, background = ExplainOptions(method="shapley"), pa.table({"x": pa.array([0.0], pa.float32())})
    both = ship(write_labels_and(tmp_path / "both.onnx", "margin"), options, background)
    (row,) = explain(both, pa.array([3.0], pa.float32()))
    assert (row["explained_label"], row["explained_score"]) == ("margin", 6.0)
    with pytest.raises(ConfigError, match=r"number for a row \(label, error\).*`scores` and `labels` of scoring"):
        explain(ship(write_labels_and(tmp_path / "one.onnx"), options, background), pa.array([3.0], pa.float32()))

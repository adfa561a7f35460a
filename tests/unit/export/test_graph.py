"""The composed file: inputs, outputs, numbers, names that could clash, metadata."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dbx_dl.contracts import CategoricalFeature, FeatureSpec, ModelMetadata, NumericFeature, TaskName
from dbx_dl.errors import ExportError
from dbx_dl.export.graph import compose_model
from dbx_dl.export.onnx_model import describe_tensor, write_model
from dbx_dl.metrics import softmax
from dbx_dl.score.model.session import open_model
from dbx_dl.transforms.columns import TabularEncoder, to_model_inputs
from tests.onnx_models import make_metadata, make_model, make_network, make_weights, write_linear_model
from tests.plain_encoding import ALL_KINDS, encode_plainly, make_cells, to_table
from tests.prepared_tables import IMAGES, SPEC


def open_session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def test_image_models_take_pixels_and_give_probabilities() -> None:
    model = compose_model(make_network(IMAGES, make_weights(IMAGES, 3)), make_metadata(IMAGES, ("a", "b", "c")))
    (pixels,), (output,) = model.graph.input, model.graph.output
    assert describe_tensor(pixels).model_dump() == {"name": "pixels", "dtype": "uint8", "shape": (None, 6, 5, 1)}
    assert describe_tensor(output).model_dump() == {"name": "probabilities", "dtype": "float32", "shape": (None, 3)}
    assert model.ir_version == 10 and [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]


def test_table_models_take_one_input_per_raw_column() -> None:
    model = compose_model(make_network(SPEC, make_weights(SPEC, 2)), make_metadata(SPEC, ("a", "b")))
    found = [(value.name, value.dtype, value.shape) for value in map(describe_tensor, model.graph.input)]
    assert found == [("x", "float64", (None,)), ("y", "float64", (None,)), ("colour", "string", (None,))]


def test_the_merged_file_equals_encoder_then_network(tmp_path: Path) -> None:
    import pyarrow as pa

    weights = make_weights(SPEC, 2)
    write_model(make_network(SPEC, weights), make_metadata(SPEC, ("a", "b")), tmp_path / "m.onnx")
    rows = pa.table({"x": [1700000001.0, None], "y": [1.0, 2.0], "colour": ["red", "blue"]})
    inputs = {
        "x": np.array([1700000001.0, np.nan]),
        "y": np.array([1.0, 2.0]),
        "colour": np.array(["red", "blue"], object),
    }
    found = open_model(tmp_path / "m.onnx").predict(inputs)
    np.testing.assert_allclose(found, softmax(TabularEncoder(SPEC).encode(rows) @ weights), atol=1e-6)


def test_every_kind_of_column_has_its_input() -> None:
    model = compose_model(make_network(ALL_KINDS, make_weights(ALL_KINDS, 2)), make_metadata(ALL_KINDS, ("a", "b")))
    found = {value.name: (value.dtype, value.shape) for value in map(describe_tensor, model.graph.input)}
    doubles, strings = (
        dict.fromkeys(("size", "is_new", "price"), "float64"),
        dict.fromkeys(("colour", "customer"), "string"),
    )
    flat = {**doubles, **strings, "when": "int64", "when_is_null": "bool"}
    assert found == {name: (dtype, (None,)) for name, dtype in flat.items()} | {"vector": ("float64", (None, 3))}
    assert {entry.domain for entry in model.opset_import} == {"", "ai.onnx.ml", "com.microsoft"}


@pytest.mark.parametrize("num_rows", [1, 100])
def test_merged_equals_separate_bit_for_bit(tmp_path: Path, num_rows: int) -> None:
    network = make_network(ALL_KINDS, make_weights(ALL_KINDS, 3))
    metadata = make_metadata(ALL_KINDS, ("a", "b", "c"))
    write_model(network, metadata, tmp_path / "m.onnx")
    rows = to_table(ALL_KINDS, make_cells(num_rows))
    features = TabularEncoder(ALL_KINDS).encode(rows)
    np.testing.assert_allclose(features, encode_plainly(ALL_KINDS, make_cells(num_rows)), rtol=1e-6)
    merged = onnx.load_model(str(tmp_path / "m.onnx"))
    logits = merged.graph.node[-1].input[0]
    merged.graph.output.append(helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["N", 3]))
    inputs = to_model_inputs(rows, ALL_KINDS)
    probabilities_nc, logits_nc = open_session(merged).run(None, inputs)
    np.testing.assert_array_equal(logits_nc, open_session(network).run(None, {"inputs": features})[0])
    np.testing.assert_array_equal(probabilities_nc, open_model(tmp_path / "m.onnx").predict(inputs))


@pytest.mark.parametrize("name", ["inputs", "logits", "net_inputs", "features", "encoder", "net_weights", "a b.c", "é"])
def test_columns_named_like_inner_values_do_not_clash(tmp_path: Path, name: str) -> None:
    spec = FeatureSpec(
        features=(
            NumericFeature(column=name, fill=0, center=1, scale=2),
            CategoricalFeature(column=f"{name}_", categories=("u",)),
        )
    )
    weights = make_weights(spec, 2)
    write_model(make_network(spec, weights), make_metadata(spec, ("a", "b")), tmp_path / "m.onnx")
    found = open_model(tmp_path / "m.onnx").predict({name: np.array([3.0]), f"{name}_": np.array(["u"], object)})
    np.testing.assert_allclose(found, softmax(np.array([[1.0, 0.0, 1.0]]) @ weights), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "task", "labels"), [("probabilities", "multiclass", ("a", "b")), ("value", "count", ())]
)
def test_a_column_named_like_the_output_moves_the_output(
    tmp_path: Path, name: str, task: TaskName, labels: tuple[str, ...]
) -> None:
    spec = FeatureSpec(features=(NumericFeature(column=name, fill=0, center=0, scale=1),))
    weights = write_linear_model(tmp_path / "m.onnx", spec, labels, task=task)
    (output,) = onnx.load_model(str(tmp_path / "m.onnx")).graph.output
    assert output.name == f"{name}_"
    found = open_model(tmp_path / "m.onnx").predict({name: np.array([1.5])})
    expected = softmax(1.5 * weights) if labels else np.exp(1.5 * weights[0])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_pixels_are_renamed_inside_inner_graphs_too(tmp_path: Path) -> None:
    inner = [
        helper.make_graph(
            [helper.make_node("Cast", ["inputs"], [f"{name}_out"], to=TensorProto.FLOAT)],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)],
        )
        for name in ("then", "otherwise")
    ]
    nodes = [
        helper.make_node("If", ["yes"], ["float"], then_branch=inner[0], else_branch=inner[1]),
        helper.make_node("Flatten", ["float"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    network = make_model(
        nodes,
        helper.make_tensor_value_info("inputs", TensorProto.UINT8, ["N", 6, 5, 1]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2]),
        {"yes": np.array(True), "weights": make_weights(IMAGES, 2)},
    )
    write_model(network, make_metadata(IMAGES, ("a", "b")), tmp_path / "m.onnx")
    assert open_model(tmp_path / "m.onnx").predict({"pixels": np.ones((2, 6, 5, 1), np.uint8)}).shape == (2, 2)


def test_metadata_survives_in_the_file(tmp_path: Path) -> None:
    metadata = make_metadata(SPEC, ("ü", "b"))
    write_model(make_network(SPEC, make_weights(SPEC, 2)), metadata, tmp_path / "m.onnx")
    (entry,) = onnx.load_model(str(tmp_path / "m.onnx")).metadata_props
    assert entry.key == "dbx_dl" and ModelMetadata.model_validate_json(entry.value) == metadata


def test_the_network_is_not_changed_and_unused_domains_go() -> None:
    network = make_network(IMAGES, make_weights(IMAGES, 2))
    network.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    before = network.SerializeToString()
    model = compose_model(network, make_metadata(IMAGES, ("a", "b")))
    assert network.SerializeToString() == before
    assert [entry.domain for entry in model.opset_import] == [""]


def test_a_network_in_another_form_is_refused(tmp_path: Path) -> None:
    network = make_network(IMAGES, make_weights(IMAGES, 2))
    with pytest.raises(ExportError, match="asks for opset 19"):
        compose_model(network, make_metadata(IMAGES, ("a", "b")).model_copy(update={"opset": 19}))
    network.graph.output[0].name = "scaled"
    with pytest.raises(ExportError, match=r"outputs \['scaled'\]"):
        compose_model(network, make_metadata(IMAGES, ("a", "b")))

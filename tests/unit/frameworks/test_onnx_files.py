"""Exported networks are brought into one form, or refused without a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from dbx_dl.errors import ExportError
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.onnx_files import explain_export_failure, write_network

REQUEST = NetworkRequest("mine", {}, (3,), "float32", 2, 0)


def make_model(output: str = "Identity:0", domain: str = "", input_name: str = "inputs") -> Any:
    """inputs (unk__1, 3) x kernel (3, 2), as tf2onnx names things."""
    node = helper.make_node("MatMul", [input_name, "kernel"], [output], domain=domain)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["unk__1", 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["unk__2", 2])],
        [numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2), "kernel")],
    )
    domains = {domain, "", "ai.onnx.ml"}
    opsets = [helper.make_opsetid(name, 18 if name == "" else 2) for name in sorted(domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.mark.parametrize("output", ["Identity:0", "logits"])
def test_names_dimensions_and_versions_are_ours(tmp_path: Path, output: str) -> None:
    path = tmp_path / "new" / "network.onnx"
    write_network(make_model(output), REQUEST, path, opset=19)
    model = onnx.load(str(path))
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 19)]
    assert model.ir_version == 10
    assert [describe(value) for value in [*model.graph.input, *model.graph.output]] == [
        ("inputs", ["N", 3]),
        ("logits", ["N", 2]),
    ]
    (found,) = ReferenceEvaluator(model).run(None, {"inputs": np.ones((1, 3), np.float32)})
    assert found.tolist() == [[6.0, 9.0]]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (make_model(domain="com.example"), r"operators beyond ONNX's own \(com\.example\)"),
        (make_model(input_name="x"), "an input named 'x'"),
    ],
)
def test_other_forms_are_refused_without_a_file(tmp_path: Path, model: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        write_network(model, REQUEST, tmp_path / "network.onnx", opset=18)
    assert list(tmp_path.iterdir()) == []


def test_two_outputs_are_refused(tmp_path: Path) -> None:
    model = make_model()
    model.graph.output.add().CopyFrom(model.graph.output[0])
    with pytest.raises(ExportError, match="1 inputs and 2 outputs"):
        write_network(model, REQUEST, tmp_path / "network.onnx", opset=18)


def test_failures_of_exporters_keep_their_first_line() -> None:
    assert str(explain_export_failure(REQUEST, ValueError("no kernel\nfor this"))).endswith("to ONNX: no kernel")
    assert str(explain_export_failure(REQUEST, ValueError())).endswith("to ONNX: ValueError")


def describe(value: Any) -> tuple[str, list[Any]]:
    """Name and dimensions."""
    return value.name, [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]

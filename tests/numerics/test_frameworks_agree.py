"""Keras, PyTorch and ONNX Runtime give the same outputs for the same weights, and both frameworks train alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.frameworks.architectures import ARCHITECTURES
from tests.numerics.conftest import Numbers

INPUTS = {
    "convnet": ("uint8", (8, 8, 1), 10),
    "convnet_odd": ("uint8", (13, 10, 3), 3),
    "mlp": ("float32", (30,), 2),
}
each_network = pytest.mark.parametrize("network", list(INPUTS))
each_opset = pytest.mark.parametrize("opset", [18, 21])


@each_network
def test_keras_and_torch_give_the_same_logits(keras_numbers: Numbers, torch_numbers: Numbers, network: str) -> None:
    logits = [np.load(numbers.folder / "alone" / network / "logits.npy") for numbers in (keras_numbers, torch_numbers)]
    assert logits[0].shape == (17, INPUTS[network][2])
    assert np.ptp(logits[0]) > 0.1
    assert np.abs(logits[0] - logits[1]).max() <= 1e-5


@each_network
def test_same_number_of_parameters(keras_numbers: Numbers, torch_numbers: Numbers, network: str) -> None:
    shapes = [[a.shape for a in numbers.weights(f"alone/{network}/same")] for numbers in (keras_numbers, torch_numbers)]
    assert shapes[0] == shapes[1]


def test_both_frameworks_train_to_the_same_weights(keras_numbers: Numbers, torch_numbers: Numbers) -> None:
    # Momentum SGD whose learning rate changes on the way: the two must mean the same by it.
    pairs = zip(
        *(numbers.weights("alone/sgd_smooth/trained") for numbers in (keras_numbers, torch_numbers)), strict=True
    )
    assert max(np.abs(keras - torch).max() for keras, torch in pairs) <= 1e-5


@each_network
@each_opset
def test_onnx_gives_the_networks_logits(numbers: Numbers, network: str, opset: int) -> None:
    folder = numbers.folder / "alone" / network
    inputs, logits = make_inputs(network), np.load(folder / "logits.npy")
    session = open_session(folder / f"opset{opset}.onnx")
    for num_rows in (1, 2, 17):
        (found,) = session.run(["logits"], {"inputs": inputs[:num_rows]})
        assert found.dtype == np.float32
        assert found.shape == (num_rows, INPUTS[network][2])
        assert np.abs(found - logits[:num_rows]).max() <= 1e-5


@each_network
@each_opset
def test_onnx_file_has_our_form(numbers: Numbers, network: str, opset: int) -> None:
    import onnx

    model = onnx.load(str(numbers.folder / "alone" / network / f"opset{opset}.onnx"))
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert model.ir_version == 10
    dtype, shape, num_outputs = INPUTS[network]
    assert [describe(value) for value in model.graph.input] == [("inputs", dtype, ["N", *shape])]
    assert [describe(value) for value in model.graph.output] == [("logits", "float32", ["N", num_outputs])]


@each_network
def test_export_is_one_file_and_says_nothing(numbers: Numbers, network: str) -> None:
    found = numbers.alone["outputs"][network]
    assert found["terminal"] == ""
    assert found["files"] == ["opset18.onnx", "opset21.onnx"]


@each_network
def test_predict_takes_any_number_of_rows(numbers: Numbers, network: str) -> None:
    found = numbers.alone["outputs"][network]
    assert found["is_empty_fine"]
    assert found["is_chunked_fine"]


def make_inputs(network: str) -> np.ndarray:
    """The inputs that the scenario's logits are for."""
    dtype, shape, _ = INPUTS[network]
    random = np.random.default_rng(5)
    if dtype == "uint8":
        return random.integers(0, 256, (17, *shape), dtype=np.uint8)
    return random.normal(size=(17, *shape)).astype(np.float32)


def open_session(path: Path) -> Any:
    """ONNX Runtime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def describe(value: Any) -> tuple[str, str, list[Any]]:
    """Name, dtype and dimensions of a graph's input or output."""
    from onnx import helper

    tensor = value.type.tensor_type
    dimensions = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    return value.name, str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), dimensions


def test_every_framework_has_the_same_networks(numbers: Numbers) -> None:
    assert numbers.alone["networks"] == sorted(ARCHITECTURES)

"""Small ONNX networks and whole models written by hand, for tests of export, register and score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dbx_dl.contracts import (
    FileDigest,
    ImageSpec,
    InputSpec,
    ModelMetadata,
    OnnxModel,
    Parity,
    PreparedTable,
    TableVersion,
    Target,
    TaskName,
    TrainedModel,
)
from dbx_dl.export.onnx_model import write_model
from dbx_dl.score.model.session import digest_file

OPSET = 18


def make_weights(inputs: InputSpec, num_classes: int, seed: int = 0) -> np.ndarray:
    """Random weights float32 (K, C) of a linear network on pixels / 255 or features."""
    num_inputs = int(np.prod(inputs.row_shape))
    rng = np.random.default_rng(seed)
    return rng.normal(size=(num_inputs, num_classes)).astype(np.float32)


def make_network(inputs: InputSpec, weights: np.ndarray, rows: Any = "N") -> onnx.ModelProto:
    """A linear network `inputs` -> `logits`, as a framework's export would write it; `rows` may freeze the batch."""
    is_image = isinstance(inputs, ImageSpec)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(inputs.row_dtype))
    scale = np.float32(255 if is_image else 1)
    nodes = [
        helper.make_node("Cast", ["inputs"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "scale"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    return make_model(
        nodes,
        helper.make_tensor_value_info("inputs", kind, [rows, *inputs.row_shape]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, [rows, weights.shape[1]]),
        {"scale": scale, "weights": weights},
    )


def make_model(nodes: list[Any], network_input: Any, output: Any, constants: dict[str, Any]) -> onnx.ModelProto:
    """A checked model of one graph at OPSET."""
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "network", [network_input], [output], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def make_metadata(
    inputs: InputSpec,
    label_names: tuple[str, ...],
    table: TableVersion | None = None,
    task: TaskName = "multiclass",
    **changes: Any,
) -> ModelMetadata:
    """Metadata of a model on these inputs."""
    return ModelMetadata(
        inputs=inputs,
        target=Target(task=task, column="label", label_names=label_names),
        table=table or TableVersion(name="nowhere", path="/nowhere", version=0),
        framework="torch",
        network="linear",
        run_id="run",
        opset=OPSET,
        versions={},
        **changes,
    )


def write_linear_model(
    path: Path,
    inputs: InputSpec,
    label_names: tuple[str, ...] = ("down", "up"),
    seed: int = 0,
    task: TaskName = "multiclass",
    inline_bytes: int = 10**9,
    **changes: Any,
) -> np.ndarray:
    """Write a whole model file and return its network's weights (K, C); numbers have no `label_names` and C = 1."""
    weights = make_weights(inputs, max(1, len(label_names)), seed)
    network = make_network(inputs, weights)
    if changes.get("embeddings") is not None:
        network.graph.node.append(helper.make_node("Identity", ["flat"], ["embedding"]))
        network.graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", len(weights)]))
    write_model(network, make_metadata(inputs, label_names, task=task, **changes), path, inline_bytes)
    return weights


def describe_trained(prepared: PreparedTable, folder: Path, run_id: str = "run", **changes: Any) -> TrainedModel:
    """A trained model on this table whose weights file is a placeholder."""
    weights = folder / "weights.bin"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(b"weights")
    values: dict[str, Any] = {
        "prepared": prepared,
        "framework": "torch",
        "network": "linear",
        "network_options": {},
        "weights": FileDigest(path=str(weights), sha256=digest_file(weights)),
        "directory": str(folder),
        "run_id": run_id,
        "tracking_uri": "sqlite:///nowhere.db",
        "num_ranks": 2,
        "batch_size": 8,
        "seed": 0,
        "history": (),
        "best_epoch": 0,
        "metrics": {},
        "rows_per_second": 1.0,
        "versions": {"torch": "2"},
    }
    return TrainedModel(**{**values, **changes})


def describe_onnx(
    prepared: PreparedTable, path: Path, metrics: dict[str, float] | None = None, run_id: str = "run"
) -> OnnxModel:
    """The contract of a model file that was written by hand."""
    return OnnxModel(
        trained=describe_trained(prepared, path.parent, run_id),
        file=FileDigest(path=str(path), sha256=digest_file(path)),
        size_bytes=path.stat().st_size,
        opset=OPSET,
        inputs=(),
        outputs=(),
        parity=Parity(num_rows=4, max_abs_difference=1e-7, share_equal_classes=1.0, tolerance=1e-4),
        metrics=metrics or {"accuracy": 0.5},
    )

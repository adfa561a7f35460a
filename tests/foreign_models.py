"""ONNX files that dbx_dl did not write: small graphs by hand for every kind of input and output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, DOUBLE, HALF, STRING, BOOL = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.FLOAT16,
    TensorProto.STRING,
    TensorProto.BOOL,
)
INT64, INT32, UINT8 = TensorProto.INT64, TensorProto.INT32, TensorProto.UINT8
Tensor = tuple[str, int, Sequence[Any]]


def write_foreign(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Tensor],
    outputs: Sequence[Any],
    constants: dict[str, Any] | None = None,
) -> str:
    """Write a file of one graph; outputs are (name, type, shape) or ready ValueInfos. Returns the path."""
    values = [each if not isinstance(each, tuple) else helper.make_tensor_value_info(*each) for each in outputs]
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(
        list(nodes), "foreign", [helper.make_tensor_value_info(*each) for each in inputs], values, initializers
    )
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save_model(helper.make_model(graph, opset_imports=domains, ir_version=10), str(path))
    return str(path)


def write_identity(path: Path, dtype: int, shape: Sequence[Any], rows: Any = "N") -> str:
    """`x` -> `y`, of one type and shape (without rows)."""
    tensor = (dtype, [rows, *shape])
    return write_foreign(path, [helper.make_node("Identity", ["x"], ["y"])], [("x", *tensor)], [("y", *tensor)])


def write_sums(path: Path, shape: Sequence[Any], rows: Any = "N") -> str:
    """`x` float (N, …) -> `sum` float (N,): the sum of a row."""
    nodes = [helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0)]
    axes = np.arange(1, len(shape) + 1)
    inputs, outputs = [("x", FLOAT, [rows, *shape])], [("sum", FLOAT, [rows])]
    return write_foreign(path, nodes, inputs, outputs, {"axes": axes})


def write_several(path: Path) -> str:
    """`age` double (N,), `name` string (N, 1), `vector` float16 (N, 3), `flag` bool (N,) -> outputs of four shapes."""
    nodes = [
        helper.make_node("Cast", ["age"], ["age:32"], to=FLOAT),
        helper.make_node("Cast", ["vector"], ["wide"], to=FLOAT),
        helper.make_node("Unsqueeze", ["age:32", "one"], ["column"]),
        helper.make_node("Mul", ["wide", "column"], ["scaled/vector"]),
        helper.make_node("Unsqueeze", ["scaled/vector", "two"], ["wider"]),
        helper.make_node("Concat", ["wider", "wider"], ["pairs"], axis=2),
        helper.make_node("Identity", ["name"], ["error"]),
        helper.make_node("Not", ["flag"], ["not"]),
    ]
    inputs = [
        ("age", DOUBLE, ["N"]),
        ("name", STRING, ["N", 1]),
        ("vector", HALF, ["N", 3]),
        ("flag", BOOL, ["N"]),
    ]
    outputs = [
        ("age:32", FLOAT, ["N"]),
        ("scaled/vector", FLOAT, ["N", 3]),
        ("pairs", FLOAT, ["N", 3, 2]),
        ("error", STRING, ["N", 1]),
        ("not", BOOL, ["N"]),
    ]
    return write_foreign(path, nodes, inputs, outputs, {"one": np.array([1]), "two": np.array([2])})


def write_classifier(path: Path, keys: Sequence[Any] | None = None, num_features: int = 4) -> np.ndarray:
    """`x` float (N, 4) -> `label` and `scores`, a map per row where `keys` are given; returns the weights (4, 3)."""
    weights = np.random.default_rng(0).normal(size=(num_features, 3)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["logits"])]
    if keys is None:
        outputs: list[Any] = [("logits", FLOAT, ["N", 3])]
        write_foreign(path, nodes, [("x", FLOAT, ["N", num_features])], outputs, {"weights": weights})
        return weights
    is_text = isinstance(keys[0], str)
    attribute = {"classlabels_strings" if is_text else "classlabels_int64s": list(keys)}
    nodes.append(helper.make_node("Softmax", ["logits"], ["numbers"], axis=1))
    nodes.append(helper.make_node("ZipMap", ["numbers"], ["scores"], domain="ai.onnx.ml", **attribute))
    number = helper.make_tensor_type_proto(FLOAT, [])
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(STRING if is_text else INT64, number))
    outputs = [("numbers", FLOAT, ["N", 3]), helper.make_value_info("scores", maps)]
    write_foreign(path, nodes, [("x", FLOAT, ["N", num_features])], outputs, {"weights": weights})
    return weights


def write_gather(path: Path) -> str:
    """`place` int64 (N,) -> `found` float (N,), which fails for places beyond 0…9."""
    nodes = [helper.make_node("Gather", ["table", "place"], ["found"])]
    table = np.arange(10, dtype=np.float32) * 10
    return write_foreign(path, nodes, [("place", INT64, ["N"])], [("found", FLOAT, ["N"])], {"table": table})


def write_picture_means(path: Path, shape: Sequence[Any], dtype: int = FLOAT) -> str:
    """`image` (N, …) -> `channels` float (N, C) for NCHW: the mean of every channel."""
    nodes = [
        helper.make_node("Cast", ["image"], ["wide"], to=FLOAT),
        helper.make_node("ReduceMean", ["wide", "axes"], ["channels"], keepdims=0),
    ]
    outputs = [("channels", FLOAT, ["N", shape[0]])]
    return write_foreign(path, nodes, [("image", dtype, ["N", *shape])], outputs, {"axes": np.array([2, 3])})


def write_sequence(
    path: Path, node: Any, dtype: int, shape: Sequence[Any], rows: Any = "N", more: Sequence[Any] = ()
) -> str:
    """`x` (N, …) -> `parts`, the sequence of tensors that the last `node` makes; `more` nodes come first."""
    parts = helper.make_tensor_sequence_value_info("parts", dtype, None)
    constants = {"one": np.array(1), "twos": np.array([2, 1])}
    return write_foreign(path, [*more, node], [("x", dtype, [rows, *shape])], [parts], constants)


def write_entries(path: Path, dtype: int, shape: Sequence[Any], rows: Any = "N", keepdims: int = 0) -> str:
    """`x` -> `parts`: a sequence of as many entries as there are rows."""
    node = helper.make_node("SplitToSequence", ["x"], ["parts"], axis=0, keepdims=keepdims)
    return write_sequence(path, node, dtype, shape, rows)


def write_slices(path: Path, dtype: int = FLOAT, rows: Any = "N") -> str:
    """`x` (N, 3) -> `parts`: the tensors (N, 2) and (N, 1), or as the file says with frozen rows."""
    node = helper.make_node("SplitToSequence", ["x", "twos"], ["parts"], axis=1)
    return write_sequence(path, node, dtype, [3], rows)


def write_ragged_entries(path: Path) -> str:
    """`x` int64 (N,) -> `parts`: of each row the numbers from 0 up to its own, in a sequence that a loop makes."""
    scalar = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Gather", ["x", "step"], ["stop"]),
            helper.make_node("Range", ["zero", "stop", "unit"], ["numbers"]),
            helper.make_node("SequenceInsert", ["before", "numbers"], ["after"]),
            helper.make_node("Identity", ["go"], ["going"]),
        ],
        "body",
        [
            scalar("step", INT64, []),
            scalar("go", BOOL, []),
            helper.make_tensor_sequence_value_info("before", INT64, None),
        ],
        [scalar("going", BOOL, []), helper.make_tensor_sequence_value_info("after", INT64, None)],
        [numpy_helper.from_array(np.array(0), "zero"), numpy_helper.from_array(np.array(1), "unit")],
    )
    more = [
        helper.make_node("SequenceEmpty", [], ["none"], dtype=INT64),
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Squeeze", ["shape"], ["rows"]),
    ]
    return write_sequence(
        path, helper.make_node("Loop", ["rows", "", "none"], ["parts"], body=body), INT64, [], more=more
    )

"""float16 is not tried on a network that looks up more float ids than it can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dbx_dl.errors import ExportError
from dbx_dl.export.variants import MAX_FLOAT16_IDS, Source, build_variant


def write_lookup(path: Path, num_ids: int) -> Source:
    """A network that sums the vectors of float ids (N, 3)."""
    nodes = [
        helper.make_node("Cast", ["inputs"], ["ids"], to=TensorProto.INT64),
        helper.make_node("Gather", ["vectors", "ids"], ["found"]),
        helper.make_node("ReduceSum", ["found", "axes"], ["logits"], keepdims=0),
    ]
    vectors = numpy_helper.from_array(np.arange(2 * num_ids, dtype=np.float32).reshape(-1, 2) / 1000, "vectors")
    graph = helper.make_graph(
        nodes,
        "lookup",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        [vectors, numpy_helper.from_array(np.array([1]), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save_model(model, str(path))
    return Source(path, path.parent, lambda: np.zeros((1, 3), np.float32))


def test_many_float_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="float16 cannot tell ids above 2,048 apart, and it has 3,000"):
        build_variant("fp16", write_lookup(tmp_path / "many.onnx", 3000))


def test_few_are_not(tmp_path: Path) -> None:
    model = build_variant("fp16", write_lookup(tmp_path / "few.onnx", MAX_FLOAT16_IDS + 1))
    onnx.checker.check_model(model)

"""What a file gives beside the network's own numbers: the task's predictions, computed inside the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.frameworks.measures import LARGEST_LOG_RATE
from dbx_dl.score.model.own_models import name_outputs

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import Calibration, ModelMetadata


def add_head(model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """Turn the network's outputs (logits first, embeddings second where there are any) into the file's.

    `probabilities` float32 (N, number of labels): softmax of classes, or the model's calibration of their scores;
    sigmoid of labels. `value` float64 (N,): a regression's number in the label's own unit, the rate of a count;
    computed in float64. `embedding` float32 (N, K).
    """
    from onnx import TensorProto, helper

    names = name_outputs(metadata)
    logits, *further = list(model.graph.output)
    del model.graph.output[:]
    head = _Head(model)
    HEADS[metadata.target.task](head, logits.name, names[metadata.output_kinds[0]], metadata)
    if "value" in names:
        model.graph.output.append(helper.make_tensor_value_info(names["value"], TensorProto.DOUBLE, ["N"]))
    else:
        shape = ["N", len(metadata.target.label_names)]
        output = helper.make_tensor_value_info(names["probabilities"], TensorProto.FLOAT, shape)
        model.graph.output.append(output)
    if "embedding" in names:
        shape = ["N", further[0].type.tensor_type.shape.dim[1].dim_value]
        head.add("Identity", [further[0].name], names["embedding"])
        model.graph.output.append(helper.make_tensor_value_info(names["embedding"], TensorProto.FLOAT, shape))


class _Head:
    """Nodes and constants at the end of a graph, with names that nothing else has."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._prefix = "head"
        taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
        taken |= {value.name for value in (*model.graph.input, *model.graph.initializer)}
        while any(name.startswith(self._prefix) for name in taken):
            self._prefix += "_"

    def add(self, operator: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        name = f"{self._prefix}/{len(self._graph.node)}/{operator}"
        self._graph.node.append(helper.make_node(operator, list(inputs), [output or name], name=name, **attributes))
        return output or name

    def constant(self, value: Any) -> str:
        import numpy as np
        from onnx import numpy_helper

        name = f"{self._prefix}/constant/{len(self._graph.initializer)}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def as_doubles(self, logits: str) -> str:
        """float32 (N, 1) -> float64 (N,)."""
        from onnx import TensorProto

        return self.add("Cast", [self.add("Squeeze", [logits, self.constant([1])])], to=TensorProto.DOUBLE)


def _add_softmax(head: _Head, logits: str, output: str, metadata: ModelMetadata) -> None:
    head.add("Softmax", [_calibrate(head, logits, metadata.calibration)], output, axis=1)


def _calibrate(head: _Head, scores: str, calibration: Calibration | None) -> str:
    """What a softmax makes the calibrated probabilities of; for sigmoids that is their logarithm."""
    import numpy as np

    if calibration is None:
        return scores
    slopes, offsets = (
        head.constant(np.array(values, np.float32)) for values in (calibration.slopes, calibration.offsets)
    )
    scaled = head.add("Add", [head.add("Mul", [scores, slopes]), offsets])
    if calibration.method == "temperature":
        return scaled
    return head.add("Neg", [head.add("Softplus", [head.add("Neg", [scaled])])])


def _add_sigmoid(head: _Head, logits: str, output: str, _: ModelMetadata) -> None:
    head.add("Sigmoid", [logits], output)


def _add_unit(head: _Head, logits: str, output: str, metadata: ModelMetadata) -> None:
    scaled = head.add("Mul", [head.as_doubles(logits), head.constant(metadata.label_scale)])
    head.add("Add", [scaled, head.constant(metadata.label_center)], output)


def _add_exponential(head: _Head, logits: str, output: str, _: ModelMetadata) -> None:
    bounded = head.add("Min", [head.as_doubles(logits), head.constant(LARGEST_LOG_RATE)])
    head.add("Exp", [bounded], output)


HEADS: dict[str, Callable[[_Head, str, str, ModelMetadata], None]] = {
    "binary": _add_softmax,
    "multiclass": _add_softmax,
    "multilabel": _add_sigmoid,
    "regression": _add_unit,
    "count": _add_exponential,
}

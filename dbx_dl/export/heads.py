"""What a file gives beside the network's own numbers: the task's predictions, computed inside the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.score.model.own_models import name_outputs
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.tasks.graph_end import GraphEnd

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import ModelMetadata


def add_head(model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """Turn the network's outputs (logits first, embeddings second where there are any) into the file's.

    `probabilities` float32 (N, number of labels); `value` float64 (N,), or `values` (N, P) where a task predicts
    several numbers, in the label's own unit; `pixels` float32 (N, D), `boxes` float32 (N, B, 5 + C), `mask` float32 (N,
    H, W, 1 + C), `tokens` float32 (N, 2, T); see the task. `embedding` float32 (N, K).
    """
    from onnx import TensorProto, helper

    task, names = task_of(metadata.target), name_outputs(metadata)
    logits, *further = list(model.graph.output)
    del model.graph.output[:]
    end, output = GraphEnd(model), names[task.output_kind]
    task.add_head(end, logits.name, output, TaskSettings.of_model(metadata))
    model.graph.output.append(_describe_output(output, metadata))
    if "embedding" in names:
        end.add("Identity", [further[0].name], names["embedding"])
        width = further[0].type.tensor_type.shape.dim[1].dim_value
        model.graph.output.append(helper.make_tensor_value_info(names["embedding"], TensorProto.FLOAT, ["N", width]))


def _describe_output(name: str, metadata: ModelMetadata) -> onnx.ValueInfoProto:
    import numpy as np
    from onnx import helper

    task = task_of(metadata.target)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(task.file_dtype))
    return helper.make_tensor_value_info(name, element, ["N", *task.row_shape(metadata.target)])

"""What a file gives beside the network's own numbers: the task's predictions, computed inside the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.score.model.own_models import name_outputs
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.tasks.boxes import BoxTask
from dbx_dl.tasks.graph_end import GraphEnd
from dbx_dl.tasks.segmentation import SegmentationTask

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import ModelMetadata


def add_head(model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """Turn the network's outputs (logits first, embeddings second where there are any) into the file's.

    `probabilities` float32 (N, number of labels); `value` float64 (N,), or `values` (N, P) where a task predicts
    several numbers, in the label's own unit; `pixels` float32 (N, D), `boxes` float32 (N, B, 5 + C), `mask` float32 (N,
    H, W, 1 + C); see the task. `embedding` float32 (N, K).
    """
    task, names = task_of(metadata.target), name_outputs(metadata)
    logits, *further = list(model.graph.output)
    del model.graph.output[:]
    end, output = GraphEnd(model), names[task.output_kind]
    task.add_head(end, logits.name, output, TaskSettings.of_model(metadata))
    model.graph.output.append(_describe_output(output, metadata))
    if "embedding" in names:
        end.add("Identity", [further[0].name], names["embedding"])
        width = further[0].type.tensor_type.shape.dim[1].dim_value
        model.graph.output.append(_describe_floats(names["embedding"], width))


def _describe_output(name: str, metadata: ModelMetadata) -> onnx.ValueInfoProto:
    from onnx import TensorProto, helper

    target, task = metadata.target, task_of(metadata.target)
    if task.output_kind == "probabilities":
        return _describe_floats(name, len(target.label_names))
    if task.output_kind == "frames":
        return _describe_floats(name, target.num_frames, len(target.label_names))
    if task.output_kind == "pixels":
        return _describe_floats(name, target.num_entries)
    if isinstance(task, BoxTask):
        shape = ["N", task.num_cells, task.count_outputs(target) // task.num_cells]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    if isinstance(task, SegmentationTask):
        shape = ["N", *task.grid, 1 + len(target.label_names)]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    names = task.name_values(target)
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["N", len(names)] if names else ["N"])


def _describe_floats(name: str, *row_shape: int) -> onnx.ValueInfoProto:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *row_shape])

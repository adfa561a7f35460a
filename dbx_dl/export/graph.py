"""Compose the ONNX file: preprocessing in front of the network, what the task predicts behind it, metadata inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.errors import ExportError
from dbx_dl.export.heads import add_head
from dbx_dl.score.model.own_models import METADATA_KEY, name_file, name_outputs

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import ModelMetadata

IR_VERSION = 10
_PREFIX = "net_"


def compose_model(network: onnx.ModelProto, metadata: ModelMetadata) -> onnx.ModelProto:
    """The whole model around an exported network (input `inputs`, output `logits`; it is not changed).

    Images: input `pixels` uint8 (N, H, W, C). Recordings: `samples` int16 (N, S). Tables: the inputs of
    `transforms.tabular.build_encoder`. Outputs are those of `heads.add_head`, named by
    `score.model.own_models.name_outputs`. ExportError when the network is not as promised.
    """
    import onnx

    _check_network(network, metadata)
    model = onnx.ModelProto()
    model.CopyFrom(network)
    model.ir_version = IR_VERSION
    _drop_unused_domains(model)
    if isinstance(metadata.inputs, FileSpec):
        name = name_file(metadata.inputs)
        _free_names(model.graph, [name])
        rename_value(model.graph, "inputs", name)
    else:
        model = _put_encoder_in_front(model, metadata)
    _free_names(model.graph, list(name_outputs(metadata).values()))
    add_head(model, metadata)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata.model_dump_json()})
    model.producer_name, model.producer_version = "dbx_dl", metadata.versions.get("dbx_dl", "")
    return model


def rename_value(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Rename a value everywhere in a graph, also where inner graphs (of If, Loop, Scan) use it."""
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if value.name == old:
            value.name = new
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                rename_value(inner, old, new)


def _free_names(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    """Give inner values that have one of these names another one."""
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    for name in names:
        free = f"{_PREFIX}{name}"
        while free in taken:
            free += "_"
        rename_value(graph, name, free)


def _check_network(network: onnx.ModelProto, metadata: ModelMetadata) -> None:
    inputs = [value.name for value in network.graph.input]
    outputs = [value.name for value in network.graph.output]
    wanted = ["logits"] if metadata.embeddings is None else ["logits", "embedding"]
    if inputs != ["inputs"] or outputs != wanted:
        raise ExportError(f"the exported network has inputs {inputs} and outputs {outputs}, not ['inputs'], {wanted}")
    opsets = {entry.domain: entry.version for entry in network.opset_import}
    if opsets.get("", opsets.get("ai.onnx")) != metadata.opset:
        raise ExportError(
            f"the exported network has operator sets {opsets}, the config asks for opset {metadata.opset}"
        )


def _put_encoder_in_front(network: onnx.ModelProto, metadata: ModelMetadata) -> onnx.ModelProto:
    from onnx import compose

    from dbx_dl.transforms.tabular import build_encoder

    if isinstance(metadata.inputs, FileSpec):
        raise TypeError("files have no encoder")
    encoder = build_encoder(metadata.inputs, metadata.opset)
    features = encoder.graph.output[0].name
    prefix = _PREFIX
    while any(column.startswith(prefix) for column in metadata.inputs.columns):
        prefix = f"_{prefix}"
    model: onnx.ModelProto = compose.add_prefix(network, prefix)
    rename_value(model.graph, f"{prefix}inputs", features)
    _put_in_front(encoder, model)
    return model


def _put_in_front(first: onnx.ModelProto, model: onnx.ModelProto) -> None:
    """Let a model begin with another one whose values have other names; onnx.compose takes no models beyond 2 GiB."""
    graph, nodes = model.graph, list(model.graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*first.graph.node, *nodes])
    graph.input.extend(first.graph.input)
    graph.initializer.extend(first.graph.initializer)
    graph.value_info.extend(first.graph.value_info)
    known = {entry.domain for entry in model.opset_import}
    model.opset_import.extend(entry for entry in first.opset_import if entry.domain not in known)


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    used = {"", "ai.onnx"} | _domains(model.graph)
    for function in model.functions:
        used |= {node.domain for node in function.node} | {function.domain}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _domains(graph: onnx.GraphProto) -> set[str]:
    inner = [part for node in graph.node for attribute in node.attribute for part in (attribute.g, *attribute.graphs)]
    return {node.domain for node in graph.node}.union(*(_domains(part) for part in inner))

"""Compose the ONNX file: preprocessing in front of the network, class probabilities behind it, metadata inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import ExportError
from dbx_dl.score.session import METADATA_KEY, OUTPUT_NAME, PIXELS_NAME

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import ModelMetadata

IR_VERSION = 10
_PREFIX = "net_"


def compose_model(network: onnx.ModelProto, metadata: ModelMetadata) -> onnx.ModelProto:
    """The whole model around an exported network (input `inputs`, output `logits`; it is not changed).

    Images: input `pixels` uint8 (N, H, W, C). Tables: the inputs of `transforms.tabular.build_encoder`. Output:
    `probabilities` float32 (N, number of labels), softmax added here. ExportError when the network is not as promised.
    """
    import onnx

    _check_network(network, metadata)
    model = onnx.ModelProto()
    model.CopyFrom(network)
    model.ir_version = IR_VERSION
    _drop_unused_domains(model)
    if isinstance(metadata.inputs, ImageSpec):
        rename_value(model.graph, "inputs", PIXELS_NAME)
    else:
        model = _put_encoder_in_front(model, metadata)
    _add_softmax(model, len(metadata.target.label_names))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata.model_dump_json()})
    model.producer_name = "dbx_dl"
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


def _check_network(network: onnx.ModelProto, metadata: ModelMetadata) -> None:
    inputs = [value.name for value in network.graph.input]
    outputs = [value.name for value in network.graph.output]
    if inputs != ["inputs"] or outputs != ["logits"]:
        raise ExportError(f"the exported network has inputs {inputs} and outputs {outputs}, not ['inputs'], ['logits']")
    if not isinstance(metadata.inputs, ImageSpec) and OUTPUT_NAME in metadata.inputs.columns:
        raise ExportError(f"a table column cannot be named {OUTPUT_NAME!r}, as the model's output is: rename it")
    opsets = {entry.domain: entry.version for entry in network.opset_import}
    if opsets.get("", opsets.get("ai.onnx")) != metadata.opset:
        raise ExportError(
            f"the exported network has operator sets {opsets}, the config asks for opset {metadata.opset}"
        )


def _put_encoder_in_front(network: onnx.ModelProto, metadata: ModelMetadata) -> onnx.ModelProto:
    from onnx import compose

    from dbx_dl.transforms.tabular import build_encoder

    if isinstance(metadata.inputs, ImageSpec):
        raise TypeError("images have no encoder")
    encoder = build_encoder(metadata.inputs, metadata.opset)
    features = encoder.graph.output[0].name
    prefix = _PREFIX
    while any(column.startswith(prefix) for column in metadata.inputs.columns):
        prefix = f"_{prefix}"
    inner = compose.add_prefix(network, prefix)
    return compose.merge_models(encoder, inner, io_map=[(features, f"{prefix}inputs")])


def _add_softmax(model: onnx.ModelProto, num_classes: int) -> None:
    from onnx import TensorProto, helper

    logits = model.graph.output[0].name
    softmax = helper.make_node("Softmax", [logits], [OUTPUT_NAME], name="softmax_of_logits", axis=1)
    model.graph.node.append(softmax)
    output = helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", num_classes])
    del model.graph.output[:]
    model.graph.output.append(output)


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

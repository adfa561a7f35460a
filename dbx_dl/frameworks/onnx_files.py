"""The one form that exported networks have, whichever framework wrote them: names, free rows, domain, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ExportError
from dbx_dl.frameworks.weights import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from dbx_dl.frameworks.interface import NetworkRequest

INPUT = "inputs"
OUTPUT = "logits"
ROWS = "N"
IR_VERSION = 10


def write_network(model: Any, request: NetworkRequest, path: Path, opset: int) -> None:
    """Bring an ONNX ModelProto of a network into our form, check it and write it to `path`, whole or not at all.

    One input `inputs` (N, *input_shape), one output `logits` (N, num_outputs), default domain only. ExportError when
    the network has other inputs or outputs, or operators of another domain.
    """
    import onnx

    _check_graph(model.graph, request)
    _check_domain(model, request)
    model = _convert_opset(model, opset)
    _name_ends(model.graph, request)
    _set_shape(model.graph.input[0], request.input_shape)
    _set_shape(model.graph.output[0], (request.num_outputs,))
    del model.graph.value_info[:]
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    with write_whole(path) as partial:
        onnx.save_model(model, str(partial))


def explain_export_failure(request: NetworkRequest, error: Exception) -> ExportError:
    """The error that says which network could not be exported, with the exporter's own first line."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ExportError(f"network {request.network!r} cannot be exported to ONNX: {reason}")


def _check_graph(graph: Any, request: NetworkRequest) -> None:
    if len(graph.input) != 1 or len(graph.output) != 1:
        found = f"{len(graph.input)} inputs and {len(graph.output)} outputs"
        raise ExportError(f"network {request.network!r} has {found}; it must have one of each")


def _check_domain(model: Any, request: NetworkRequest) -> None:
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    foreign = sorted({node.domain for node in nodes} - {"", "ai.onnx"})
    if foreign or model.functions:
        where = ", ".join(foreign) or "functions of its own"
        raise ExportError(f"network {request.network!r} uses operators beyond ONNX's own ({where})")
    default = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(default)


def _convert_opset(model: Any, opset: int) -> Any:
    from onnx import version_converter

    if model.opset_import[0].version == opset:
        return model
    return version_converter.convert_version(model, opset)


def _name_ends(graph: Any, request: NetworkRequest) -> None:
    if graph.input[0].name != INPUT:
        raise ExportError(f"network {request.network!r} was exported with an input named {graph.input[0].name!r}")
    output = graph.output[0]
    if output.name != OUTPUT:
        graph.node.add(op_type="Identity", name="name_logits", input=[output.name], output=[OUTPUT])
        output.name = OUTPUT


def _set_shape(value: Any, row_shape: tuple[int, ...]) -> None:
    dimensions = value.type.tensor_type.shape
    del dimensions.dim[:]
    dimensions.dim.add().dim_param = ROWS
    for size in row_shape:
        dimensions.dim.add().dim_value = size

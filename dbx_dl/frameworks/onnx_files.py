"""The one form that exported networks have, whichever framework wrote them: names, free rows, domain, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ExportError
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from dbx_dl.frameworks.interface import NetworkRequest

INPUT = "inputs"
OUTPUT = "logits"
EMBEDDING = "embedding"
ROWS = "N"
IR_VERSION = 10
# A protobuf message may have 2 GiB; what is beside the weights has room in the rest.
INLINE_BYTES = 2**31 - 2**26

# Shapes and axes stay inside, where shape inference finds them.
_SMALLEST_EXTERNAL_BYTES = 1024


def write_network(model: Any, request: NetworkRequest, path: Path, opset: int, *, has_embedding: bool = False) -> None:
    """Bring an ONNX ModelProto of a network into our form, check it and write it to `path`, whole or not at all.

    One input `inputs` (N, *input_shape), one output `logits` (N, num_outputs), default domain only, and a second
    output `embedding` (N, K) where the network gives it. ExportError when the network has other inputs or outputs, or
    operators of another domain. The model itself is changed.
    """
    import onnx

    names = [OUTPUT, EMBEDDING] if has_embedding else [OUTPUT]
    _check_graph(model.graph, request, len(names))
    _check_domain(model, request)
    model = _convert_opset(model, opset)
    _name_ends(model.graph, request, names)
    _set_shape(model.graph.input[0], request.input_shape)
    _set_shape(model.graph.output[0], (request.num_outputs,))
    if has_embedding:
        _set_shape(model.graph.output[1], (_read_width(model.graph.output[1], request),))
    del model.graph.value_info[:]
    model.ir_version = IR_VERSION
    with write_whole(path) as partial:
        save_model(model, partial, data_name=f"{path.name}.data")
        onnx.checker.check_model(str(partial), full_check=True)


def save_model(model: Any, path: Path, *, inline_bytes: int = INLINE_BYTES, data_name: str | None = None) -> None:
    """Write an ONNX ModelProto; beyond `inline_bytes` of weights these go into a file beside it.

    That file is `<path>.data` or `data_name` in the same folder; an earlier one is replaced. The model is of no use
    afterwards then, since its weights have left it.
    """
    import onnx

    data = path.with_name(data_name or f"{path.name}.data")
    data.unlink(missing_ok=True)
    if sum(len(tensor.raw_data) for tensor in model.graph.initializer) > inline_bytes:
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) >= min(inline_bytes, _SMALLEST_EXTERNAL_BYTES):
                onnx.external_data_helper.set_external_data(tensor, data.name)
    onnx.save_model(model, str(path))


def explain_export_failure(request: NetworkRequest, error: Exception) -> ExportError:
    """The error that says which network could not be exported, with the exporter's own first line."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ExportError(f"network {request.network!r} cannot be exported to ONNX: {reason}")


def _check_graph(graph: Any, request: NetworkRequest, num_outputs: int) -> None:
    if len(graph.input) != 1 or len(graph.output) != num_outputs:
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


def _name_ends(graph: Any, request: NetworkRequest, output_names: list[str]) -> None:
    if graph.input[0].name != INPUT:
        raise ExportError(f"network {request.network!r} was exported with an input named {graph.input[0].name!r}")
    for output, name in zip(graph.output, output_names, strict=True):
        if output.name != name:
            graph.node.add(op_type="Identity", name=f"name_{name}", input=[output.name], output=[name])
            output.name = name


def _read_width(output: Any, request: NetworkRequest) -> int:
    sizes = [dimension.dim_value for dimension in output.type.tensor_type.shape.dim]
    if len(sizes) != 2 or sizes[1] < 1:
        raise ExportError(f"network {request.network!r} gives embeddings whose size is not the same for all rows")
    return int(sizes[1])


def _set_shape(value: Any, row_shape: tuple[int, ...]) -> None:
    dimensions = value.type.tensor_type.shape
    del dimensions.dim[:]
    dimensions.dim.add().dim_param = ROWS
    for size in row_shape:
        dimensions.dim.add().dim_value = size

"""What is in an ONNX file, ours or another: inputs, outputs, metadata, size, operators, parameters."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import AudioSpec, Contract, ImageSpec, ModelMetadata, TensorInfo
from dbx_dl.errors import DataError
from dbx_dl.score.model.external_data import list_data_files
from dbx_dl.score.model.own_models import METADATA_KEY
from dbx_dl.score.model.session import digest_file

if TYPE_CHECKING:
    import onnx

_MAX_LABELS = 20


class ModelFacts(Contract):
    """What a file holds.

    `opsets` are versions by domain (`ai.onnx` for ONNX' own), `operators` counts nodes by type, those of inner graphs
    too; `parameters` are numbers in constants of floating-point and integer types alike. `metadata` is None for a file
    of others; `properties` are its further metadata entries.
    """

    path: str
    sha256: str
    size_bytes: int
    data_files: tuple[str, ...]
    producer: str
    ir_version: int
    opsets: dict[str, int]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    num_operators: int
    operators: dict[str, int]
    num_parameters: int
    metadata: ModelMetadata | None
    properties: dict[str, str]


def inspect_model(path: str | os.PathLike[str]) -> ModelFacts:
    """Read an ONNX file without loading it into a runtime; DataError when it is none."""
    model = _load(Path(path))
    nodes = list(_list_nodes(model.graph))
    operators = Counter(f"{node.domain}.{node.op_type}" if node.domain else node.op_type for node in nodes)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    metadata = _read_metadata(properties.pop(METADATA_KEY, None), path)
    initialized = {tensor.name for tensor in model.graph.initializer}
    data_files = list_data_files(path)
    return ModelFacts(
        path=str(Path(path).absolute()),
        sha256=digest_file(path),
        size_bytes=sum(file.stat().st_size for file in (Path(path), *data_files)),
        data_files=tuple(file.name for file in data_files),
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        ir_version=model.ir_version,
        opsets={entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        inputs=tuple(describe_tensor(value) for value in model.graph.input if value.name not in initialized),
        outputs=tuple(describe_tensor(value) for value in model.graph.output),
        num_operators=len(nodes),
        operators=dict(sorted(operators.items(), key=lambda entry: (-entry[1], entry[0]))),
        num_parameters=sum(prod(tensor.dims) for tensor in model.graph.initializer),
        metadata=metadata,
        properties=properties,
    )


def list_facts(facts: ModelFacts) -> list[tuple[str, str]]:
    """What a person wants to know, as rows of name and text; label names are cut after 20."""
    beside = f", of which in {', '.join(facts.data_files)}" if facts.data_files else ""
    counts = ", ".join(f"{name} {count}" for name, count in facts.operators.items())
    rows = [
        *(("input", _show_tensor(value)) for value in facts.inputs),
        *(("output", _show_tensor(value)) for value in facts.outputs),
        *(_list_origin(facts.metadata) if facts.metadata else [("origin", "not exported by dbx_dl")]),
        ("size", f"{facts.size_bytes:,} bytes{beside}"),
        ("opset", ", ".join(f"{domain} {version}" for domain, version in facts.opsets.items())),
        ("operators", f"{facts.num_operators}: {counts}"),
        ("parameters", f"{facts.num_parameters:,}"),
        ("producer", f"{facts.producer or 'unknown'}, IR version {facts.ir_version}"),
        ("sha256", facts.sha256),
    ]
    return rows + list(facts.properties.items())


def _list_origin(metadata: ModelMetadata) -> list[tuple[str, str]]:
    target, inputs = metadata.target, metadata.inputs
    names = ", ".join(target.label_names[:_MAX_LABELS]) + (", …" if len(target.label_names) > _MAX_LABELS else "")
    if isinstance(inputs, ImageSpec):
        size = f"{inputs.height}x{inputs.width}x{inputs.channels}"
        takes = (
            f"images of column {inputs.column!r}, {size}, resize {inputs.resize}, at most {inputs.max_pixels:,} pixels"
        )
    elif isinstance(inputs, AudioSpec):
        takes = f"recordings of column {inputs.column!r}, {inputs.num_samples:,} samples of {inputs.sample_rate:,} Hz"
    else:
        takes = ", ".join(f"{feature.column} ({feature.kind})" for feature in inputs.features)
    rows = [
        ("task", f"{target.task} of column {target.column!r}"),
        ("labels", names),
        ("threshold", _describe_threshold(metadata)),
        ("takes", takes),
        ("inputs sha256", metadata.inputs_sha256),
        ("embeddings", metadata.embeddings or ""),
        ("network", f"{metadata.network} ({metadata.framework}), variant {metadata.variant}"),
        ("trained on", f"{metadata.table.name} version {metadata.table.version}"),
        ("MLflow run", metadata.run_id),
        ("versions", ", ".join(f"{name} {version}" for name, version in sorted(metadata.versions.items()))),
    ]
    return [row for row in rows if row[1]]


def _show_tensor(tensor: TensorInfo) -> str:
    return f"{tensor.name}: {tensor.dtype} ({', '.join('N' if size is None else str(size) for size in tensor.shape)})"


def describe_tensor(value: onnx.ValueInfoProto) -> TensorInfo:
    """Name, element type (as in NumPy; `string` for text) and shape (None: free) of a graph's input or output."""
    import onnx

    kind = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
    dtype = {"double": "float64", "float": "float32"}.get(name, name)
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)
    return TensorInfo(name=value.name, dtype=dtype, shape=shape)


def _load(path: Path) -> onnx.ModelProto:
    import onnx

    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except OSError as error:
        hint = "; give an ONNX file, not a URI" if str(path).startswith(("models:", "runs:")) else ""
        raise DataError(f"cannot read the model file {path}: {error.strerror}{hint}") from None
    except Exception:
        raise DataError(f"{path} is not an ONNX model, or not all of one") from None
    if not model.graph.node and not model.ir_version:
        raise DataError(f"{path} is not an ONNX model")
    return model


def _list_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _list_nodes(inner)


def _read_metadata(text: str | None, path: str | os.PathLike[str]) -> ModelMetadata | None:
    from pydantic import ValidationError

    if text is None:
        return None
    try:
        return ModelMetadata.model_validate_json(text)
    except ValidationError as error:
        raise DataError(
            f"{path} has {METADATA_KEY!r} metadata of another version of dbx_dl ({str(error).splitlines()[0]}): "
            "export the model again"
        ) from None


def _describe_threshold(metadata: ModelMetadata) -> str:
    found = metadata.threshold
    return "" if found is None else f"{found.label} from probability {found.probability:.4g} on"

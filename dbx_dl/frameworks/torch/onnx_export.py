"""Write a PyTorch network as ONNX through torch.export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dbx_dl.frameworks.onnx_files import EMBEDDING, INPUT, OUTPUT, ROWS, explain_export_failure, write_network
from dbx_dl.frameworks.quiet import drop_python_chatter
from dbx_dl.frameworks.torch.embeddings import expose_layer

if TYPE_CHECKING:
    from pathlib import Path

    from dbx_dl.frameworks.interface import NetworkRequest


def export_network(
    network: Any, request: NetworkRequest, path: Path, opset: int = 18, embeddings: str | None = None
) -> None:
    """Write the network in inference mode to `path`: `inputs` (N, *input_shape) -> `logits` (N, num_outputs).

    With the name of a module in `embeddings` a second output `embedding` float32 (N, K) holds its values. ExportError,
    and no file, when the network cannot be exported; ConfigError for a module that is not there.
    """
    was_training = network.training
    try:
        network.eval()
        exported = network if embeddings is None else expose_layer(network, embeddings)
        names = [OUTPUT] if embeddings is None else [OUTPUT, EMBEDDING]
        model = _convert(exported, request, opset, names)
        write_network(model, request, path, opset, has_embedding=embeddings is not None)
    finally:
        network.train(was_training)


def _convert(network: Any, request: NetworkRequest, opset: int, output_names: list[str]) -> Any:
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    # Two rows: an example with one would fix N at 1.
    example = torch.zeros((2, *request.input_shape), dtype=getattr(torch, request.input_dtype), device=device)
    with torch.no_grad():
        network(example)  # what the network itself raises is raised as it is, and not by an exporter's inner parts
    try:
        with drop_python_chatter("torch.onnx", "torch.onnx._internal.exporter._registration", "onnxscript"):
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=opset,
                input_names=[INPUT],
                output_names=output_names,
                dynamic_shapes=({0: torch.export.Dim(ROWS)},),
            )
    except Exception as error:
        raise explain_export_failure(request, error) from error
    return program.model_proto

"""Write a PyTorch network as ONNX through torch.export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dbx_dl.frameworks.onnx_files import INPUT, OUTPUT, ROWS, explain_export_failure, write_network
from dbx_dl.frameworks.quiet import drop_python_chatter

if TYPE_CHECKING:
    from pathlib import Path

    from dbx_dl.frameworks.interface import NetworkRequest


def export_network(network: Any, request: NetworkRequest, path: Path, opset: int = 18) -> None:
    """Write the network in inference mode to `path`: `inputs` (N, *input_shape) -> `logits` (N, num_outputs).

    ExportError, and no file, when the network cannot be exported.
    """
    was_training = network.training
    try:
        write_network(_convert(network.eval(), request, opset), request, path, opset)
    finally:
        network.train(was_training)


def _convert(network: Any, request: NetworkRequest, opset: int) -> Any:
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    # Two rows: an example with one would fix N at 1.
    example = torch.zeros((2, *request.input_shape), dtype=getattr(torch, request.input_dtype), device=device)
    try:
        with drop_python_chatter("torch.onnx", "torch.onnx._internal.exporter._registration", "onnxscript"):
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=opset,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim(ROWS)},),
            )
    except Exception as error:
        raise explain_export_failure(request, error) from error
    return program.model_proto

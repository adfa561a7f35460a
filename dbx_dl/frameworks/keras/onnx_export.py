"""Write a Keras network as ONNX through Keras' own export."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import tensorflow as tf

from dbx_dl.frameworks.onnx_files import INPUT, explain_export_failure, write_network
from dbx_dl.frameworks.quiet import drop_native_chatter, drop_python_chatter

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

# The newest opset that tf2onnx writes; newer ones are converted from it.
_NATIVE_OPSET = 18


def export_network(network: Any, request: NetworkRequest, path: Path, opset: int = 18) -> None:
    """Write the network in inference mode to `path`: `inputs` (N, *input_shape) -> `logits` (N, num_outputs).

    ExportError, and no file, when the network cannot be exported.
    """
    write_network(_convert(network, request), request, path, opset)


def _convert(network: Any, request: NetworkRequest) -> Any:
    signature = [tf.TensorSpec((None, *request.input_shape), request.input_dtype, name=INPUT)]
    with tempfile.TemporaryDirectory() as folder, drop_native_chatter(), drop_python_chatter("tf2onnx"):
        file = Path(folder) / "network.onnx"
        options = {"format": "onnx", "verbose": False, "opset_version": _NATIVE_OPSET}
        try:
            network.export(str(file), input_signature=signature, **options)
        except Exception as error:
            raise explain_export_failure(request, error) from error
        return onnx.load_model(str(file))

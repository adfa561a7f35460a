"""Write a Keras network as ONNX through Keras' own export."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import tensorflow as tf

from dbx_dl.frameworks.keras.embeddings import expose_layer
from dbx_dl.frameworks.keras.onnx_export.large import export_large, is_large
from dbx_dl.frameworks.onnx_files import INPUT, explain_export_failure, write_network
from dbx_dl.frameworks.quiet import drop_native_chatter, drop_python_chatter

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

# The newest opset that tf2onnx writes; newer ones are converted from it.
_NATIVE_OPSET = 18


def export_network(
    network: Any, request: NetworkRequest, path: Path, opset: int = 18, embeddings: str | None = None
) -> None:
    """Write the network in inference mode to `path`: `inputs` (N, *input_shape) -> `logits` (N, num_outputs).

    With the name of a layer in `embeddings` a second output `embedding` float32 (N, K) holds its values. ExportError,
    and no file, when the network cannot be exported; ConfigError for a layer that is not there.
    """
    exported = network if embeddings is None else expose_layer(network, embeddings)
    write_network(_convert(exported, request), request, path, opset, has_embedding=embeddings is not None)


def _convert(network: Any, request: NetworkRequest) -> Any:
    signature = tf.TensorSpec((None, *request.input_shape), request.input_dtype, name=INPUT)
    with tempfile.TemporaryDirectory() as folder, drop_native_chatter(), drop_python_chatter("tf2onnx"):
        file = Path(folder) / "network.onnx"
        options = {"format": "onnx", "verbose": False, "opset_version": _NATIVE_OPSET}
        try:
            if is_large(network):
                return export_large(network, signature, file, options)
            network.export(str(file), input_signature=[signature], **options)
        except Exception as error:
            raise explain_export_failure(request, error) from error
        return onnx.load_model(str(file))

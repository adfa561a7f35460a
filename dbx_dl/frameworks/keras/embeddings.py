"""The values of an inner layer of a Keras network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dbx_dl.frameworks.embeddings import find_layer, refuse_layer
from dbx_dl.frameworks.prediction import predict_in_chunks

if TYPE_CHECKING:
    import numpy as np


def expose_layer(network: Any, name: str) -> Any:
    """A network that shares all weights and gives logits and the layer's values float32 (N, K), flattened.

    ConfigError when there is no such layer, or the network is neither functional nor sequential.
    """
    layer = find_layer(name, {layer.name: layer for layer in network.layers})
    try:
        inputs, logits, values = network.inputs, network.outputs[0], layer.output
    except (AttributeError, ValueError, IndexError):
        raise refuse_layer(name, "can only be had from a functional or sequential model that calls it once") from None
    if isinstance(values, list | tuple | dict):
        raise refuse_layer(name, "gives several values, not one")
    # A name of its own: Keras would number it as it numbers the layers that the network has already.
    flat = keras.layers.Flatten(name="embedding.flat")(keras.ops.cast(values, "float32"))
    return keras.Model(inputs, [logits, flat])


def predict_embeddings(network: Any, name: str, inputs: np.ndarray) -> np.ndarray:
    """The layer's values float32 (N, K) for inputs (N, ...) in inference mode; ConfigError as in `expose_layer`."""
    exposed = expose_layer(network, name)
    return predict_in_chunks(lambda rows: exposed(tf.convert_to_tensor(rows), training=False)[1].numpy(), inputs)

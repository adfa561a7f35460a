"""Gradients of a Keras network's outputs by its inputs, its tokens' vectors, or an inner layer's values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dbx_dl.frameworks.gradients import choose_layer, find_convolution, refuse_tokens, require_image_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.frameworks.interface import NetworkRequest


class KerasGradients:
    """See `frameworks.gradients.Gradients`; with a `layer` the place is what that layer gives."""

    def __init__(self, network: Any, layer: Any | None) -> None:
        self._network = network
        self._layer = layer

    def embed(self, rows: NDArray[np.generic]) -> NDArray[np.float32]:
        """The rows as floats, or the layer's values for them."""
        if self._layer is None:
            return rows.astype(np.float32)
        with _watched(self._layer) as seen:
            self._network(tf.convert_to_tensor(rows), training=False)
        values: NDArray[np.float32] = keras.ops.convert_to_numpy(keras.ops.cast(seen[-1], "float32"))
        return values

    def evaluate(
        self, rows: NDArray[np.generic], values: NDArray[np.float32], outputs: NDArray[np.integer]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (N,) and gradients like `values`."""
        place = tf.convert_to_tensor(values)
        with tf.GradientTape() as tape:
            tape.watch(place)
            if self._layer is None:
                logits = self._network(place, training=False)
            else:
                with _replaced_call(self._layer, lambda *_, **__: place):
                    logits = self._network(tf.convert_to_tensor(rows), training=False)
            chosen = _choose(logits, outputs)
        return chosen.numpy(), tape.gradient(chosen, place).numpy()


def open_gradients(network: Any, request: NetworkRequest) -> KerasGradients:
    """Gradients by the inputs, of texts by their tokens' vectors; ConfigError when there are none."""
    if not request.is_text:
        return KerasGradients(_take_floats(network, request), None)
    found = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    if not found:
        raise refuse_tokens(request.network)
    return KerasGradients(network, found[0])


def read_activations(
    network: Any, request: NetworkRequest, layer: str | None, rows: NDArray[np.generic], outputs: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A layer's values (N, H, W, C) for images, and the gradients of the outputs (N,) by them.

    Without a name it is the last convolution. ConfigError for a layer that is not there or gives no images.
    """
    layers = {each.name: each for each in network._flatten_layers(include_self=False)}
    known = find_convolution(request) if layer is None else None
    convolutions = [name for name, each in layers.items() if isinstance(each, keras.layers.Conv2D)]
    name, module = choose_layer(layer, layers, [known] if known else convolutions, request.network)
    with tf.GradientTape() as tape:
        with _watched(module, tape) as seen:
            logits = network(tf.convert_to_tensor(rows), training=False)
        require_image_values(name, len(seen[-1].shape))
        chosen = _choose(logits, outputs)
    gradients = tape.gradient(chosen, seen[-1])
    return seen[-1].numpy(), gradients.numpy()


def _take_floats(network: Any, request: NetworkRequest) -> Any:
    """The network on inputs of floats, where a functional one would round them to its own type; weights are shared."""
    if request.input_dtype == "float32" or not isinstance(network, keras.Model) or not getattr(network, "inputs", None):
        return network
    inputs = keras.Input(network.inputs[0].shape[1:], dtype="float32", name="floats")
    return keras.models.clone_model(network, input_tensors=inputs, clone_function=lambda layer: layer)


def _choose(logits: Any, outputs: NDArray[np.integer]) -> Any:
    chosen = tf.gather(tf.cast(logits, tf.float32), tf.constant(outputs.astype(np.int64)), axis=1, batch_dims=1)
    return tf.reshape(chosen, [-1])


@contextmanager
def _watched(layer: Any, tape: Any | None = None) -> Iterator[list[Any]]:
    """What the layer gives inside the block, which a tape watches if there is one."""
    seen: list[Any] = []
    own = layer.call

    def watch(*arguments: Any, **options: Any) -> Any:
        seen.append(own(*arguments, **options))
        if tape is not None:
            tape.watch(seen[-1])
        return seen[-1]

    with _replaced_call(layer, watch):
        yield seen


@contextmanager
def _replaced_call(layer: Any, call: Any) -> Iterator[None]:
    """The layer computes `call` inside the block."""
    own = layer.call
    layer.call = call
    try:
        yield
    finally:
        layer.call = own

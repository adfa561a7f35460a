"""Networks whose weights no protocol buffer holds (2 GiB): converted with the weights as inputs, then filled in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import onnx
import tensorflow as tf

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The graph that TensorFlow's converter freezes ends at 2 GiB, and needs some of it for itself.
LARGE_BYTES = 3 * 2**29
_WEIGHT = "weight_{}"


def is_large(network: Any) -> bool:
    """Whether the network has more bytes of weights than may be frozen into a graph."""
    num_bytes = sum(int(v.value.dtype.size * v.value.shape.num_elements()) for v in network.variables)
    return num_bytes > LARGE_BYTES


def export_large(network: Any, signature: tf.TensorSpec, file: Path, options: dict[str, Any]) -> onnx.ModelProto:
    """The network as Keras' own export writes it, with all weights as initializers; `file` is a scratch file."""
    weights = _list_weights(network)
    specs = [tf.TensorSpec(w.value.shape, w.value.dtype, name=_WEIGHT.format(k)) for k, w in enumerate(weights)]
    stateless = _Stateless(_call_with_weights(network))
    example = tf.zeros((2, *signature.shape[1:]), signature.dtype)
    stateless([example, *(weight.value for weight in weights)])  # Keras exports what has been called
    stateless.export(str(file), input_signature=[[signature, *specs]], **options)
    model = onnx.load_model(str(file))
    _fill_in(model.graph, {spec.name: weight for spec, weight in zip(specs, weights, strict=True)})
    return model


class _Stateless(keras.Model):  # type: ignore[misc]
    """A function of a list of tensors as a Keras model without variables."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(name="network")
        self._function = function
        self.built = True

    def call(self, tensors: list[Any]) -> Any:
        return self._function(*tensors)


def _list_weights(network: Any) -> list[Any]:
    return [*network.trainable_variables, *network.non_trainable_variables]


def _call_with_weights(network: Any) -> Callable[..., Any]:
    num_trainable = len(network.trainable_variables)

    def call(inputs: Any, *weights: Any) -> Any:
        trainable, others = weights[:num_trainable], weights[num_trainable:]
        return network.stateless_call(trainable, others, inputs, training=False)[0]

    return call


def _fill_in(graph: onnx.GraphProto, weights: dict[str, Any]) -> None:
    """Let initializers take the place of the graph's inputs of these names."""
    inputs = list(graph.input)
    del graph.input[:]
    for value in inputs:
        if value.name in weights:
            _add_initializer(graph, value.name, weights[value.name].value.numpy())
        else:
            graph.input.append(value)


def _add_initializer(graph: onnx.GraphProto, name: str, array: NDArray[Any]) -> None:
    """Made in its place: a tensor beyond 2 GiB cannot be copied into a graph."""
    tensor = graph.initializer.add()
    tensor.name = name
    tensor.dims.extend(array.shape)
    tensor.data_type = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor.raw_data = array.tobytes()

"""The scenario of single layers: activation functions with their gradients, and the convolution of the introduction.

Both also as ONNX files, all activation functions in one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.activations import ACTIVATIONS
from dbx_dl.frameworks.architectures.architecture import name_layers
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import Activation, Conv2D, Flatten, MaxPool2D, Reshape
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.frameworks.token_layers import SideBySide

POINTS = np.array([-1000, -3, -1.01, -1, -0.51, -0.5, -0.25, 0, 0.25, 0.5, 0.51, 1, 1.01, 3, 1000], np.float32)
IMAGE = ("100001", "010010", "001100", "100010", "010010", "001010")
DIAGONAL = ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))
VERTICAL = ((-1, 1, -1),) * 3
CONVOLUTION = (Reshape((6, 6, 1)), Conv2D(2, 3, has_bias=False))
LAYERS = {
    "convolved": (*CONVOLUTION, Flatten()),
    "pooled": (*CONVOLUTION, MaxPool2D(), Flatten()),
    "activated": (SideBySide(tuple((Activation(name),) for name in ACTIVATIONS)),),
}
# Numbers of a row that goes in, and that comes out.
SIZES = {"convolved": (36, 32), "pooled": (36, 8), "activated": (len(POINTS), len(ACTIVATIONS) * len(POINTS))}


def main(name: str, folder: Path) -> None:
    """Write `activations.json`: values, values in training and gradients by function, and the convolution's images."""
    framework = load_framework(name)
    framework.seed_process(1, 1)
    activate = activate_keras if name == "keras" else activate_torch
    found: dict[str, Any] = {activation: activate(activation) for activation in ACTIVATIONS}
    for key, (num_inputs, num_outputs) in SIZES.items():
        request = NetworkRequest(
            f"tests.numerics.activations:build_{key}_{name}", {}, (num_inputs,), "float32", num_outputs, 0
        )
        network = framework.build_network(request)
        objective = framework.create_objective(network, OptimizerConfig(), SingleRank())
        found[key] = objective.predict(read_row(key)).tolist()
        framework.export_network(network, request, folder / f"{key}.onnx", 18)
    (folder / "activations.json").write_text(json.dumps(found))


def read_row(key: str) -> np.ndarray:
    """What goes into the layers, float32 (1, K): the points, or the picture."""
    if key == "activated":
        return POINTS[None]
    return np.array([[float(pixel) for pixel in "".join(IMAGE)]], np.float32)


def draw_filters() -> np.ndarray:
    """Both filters in Keras' layout (3, 3, 1, 2)."""
    return np.stack([np.array(DIAGONAL, np.float32), np.array(VERTICAL, np.float32)], axis=-1)[:, :, None]


def activate_keras(activation: str) -> dict[str, list[float]]:
    """Values in inference, in training, and gradients at POINTS."""
    import tensorflow as tf

    from dbx_dl.frameworks.keras.activations import create_activation

    layer, points = create_activation(activation), tf.convert_to_tensor(POINTS)
    with tf.GradientTape() as tape:
        tape.watch(points)
        trained = layer(points, training=True)
    gradient = tape.gradient(trained, points)
    arrays = {"values": layer(points, training=False), "trained": trained, "gradient": gradient}
    return {key: np.asarray(array).tolist() for key, array in arrays.items()}


def activate_torch(activation: str) -> dict[str, list[float]]:
    """Values in inference, in training, and gradients at POINTS."""
    import torch

    from dbx_dl.frameworks.torch.activations import create_activation

    module, points = create_activation(activation), torch.from_numpy(POINTS).requires_grad_()
    trained = module.train()(points)
    trained.sum().backward()
    arrays = {"values": module.eval()(points), "trained": trained, "gradient": points.grad}
    return {key: array.detach().numpy().tolist() for key, array in arrays.items()}


def build_keras(key: str) -> Any:
    """The layers as a Keras network, a convolution with the two filters."""
    import keras

    from dbx_dl.frameworks.keras.layers import apply_layers

    inputs = keras.Input((SIZES[key][0],), name="inputs")
    network = keras.Model(inputs, apply_layers(name_layers(LAYERS[key]), inputs))
    if key != "activated":
        network.get_layer("conv2d_1").set_weights([draw_filters()])
    return network


def build_torch(key: str) -> Any:
    """The same in PyTorch."""
    import torch

    from dbx_dl.frameworks.torch.layers import create_modules

    network = torch.nn.Sequential(create_modules(name_layers(LAYERS[key]), (SIZES[key][0],)))
    if key != "activated":
        with torch.no_grad():
            network.conv2d_1.weight.copy_(torch.from_numpy(draw_filters().transpose(3, 2, 0, 1)))
    return network


def build_convolved_keras(request: NetworkRequest) -> Any:
    """Without pooling."""
    return build_keras("convolved")


def build_pooled_keras(request: NetworkRequest) -> Any:
    """With pooling."""
    return build_keras("pooled")


def build_convolved_torch(request: NetworkRequest) -> Any:
    """Without pooling."""
    return build_torch("convolved")


def build_pooled_torch(request: NetworkRequest) -> Any:
    """With pooling."""
    return build_torch("pooled")


def build_activated_keras(request: NetworkRequest) -> Any:
    """All activation functions of the same points."""
    return build_keras("activated")


def build_activated_torch(request: NetworkRequest) -> Any:
    """All activation functions of the same points."""
    return build_torch("activated")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

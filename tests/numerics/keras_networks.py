"""Networks of a user's own in Keras, named in requests as `package.module:function`."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from dbx_dl.frameworks.interface import NetworkRequest


def build_smooth(request: NetworkRequest) -> Any:
    """A small convolutional network without relu and max pooling; see `digits.request_smooth`."""
    return keras.Sequential(
        [
            keras.Input(request.input_shape, dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(32, activation="tanh"),
            layers.Dense(request.num_outputs),
        ]
    )


def build_normalized(request: NetworkRequest) -> Any:
    """The smooth network with batch-norm behind its convolution and its dense layer."""
    return keras.Sequential(
        [
            keras.Input(request.input_shape, dtype="uint8"),
            layers.Rescaling(1 / 255),
            keras.Sequential([layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(momentum=0.5)]),
            layers.Activation("tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(16),
            layers.BatchNormalization(momentum=0.5),
            layers.Activation("tanh"),
            layers.Dense(request.num_outputs),
        ]
    )


def build_narrow(request: NetworkRequest) -> Any:
    """A network with too few outputs."""
    return keras.Sequential([keras.Input(request.input_shape), layers.Dense(request.num_outputs - 1)])

"""A Keras network that keeps a GPU busy on small images."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from dbx_dl.frameworks.interface import NetworkRequest


def build_busy(request: NetworkRequest) -> Any:
    """`num_layers` convolutions of `channels` channels at full size: much to compute, few weights."""
    channels, num_layers = int(request.options["channels"]), int(request.options["num_layers"])
    convolutions = [layers.Conv2D(channels, 3, padding="same", activation="relu") for _ in range(num_layers + 1)]
    start = [keras.Input(request.input_shape, dtype="uint8"), layers.Rescaling(1 / 255)]
    return keras.Sequential([*start, *convolutions, layers.Flatten(), layers.Dense(request.num_outputs)])

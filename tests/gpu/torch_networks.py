"""A PyTorch network that keeps a GPU busy on small images."""

from __future__ import annotations

from typing import Any

from torch import nn

from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.torch.layers import FlattenChannelsLast, ScalePixels


def build_busy(request: NetworkRequest) -> Any:
    """`num_layers` convolutions of `channels` channels at full size: much to compute, few weights."""
    channels, num_layers = int(request.options["channels"]), int(request.options["num_layers"])
    height, width, depth = request.input_shape
    modules: list[Any] = [ScalePixels(), nn.Conv2d(depth, channels, 3, padding="same"), nn.ReLU()]
    for _ in range(num_layers):
        modules += [nn.Conv2d(channels, channels, 3, padding="same"), nn.ReLU()]
    return nn.Sequential(*modules, FlattenChannelsLast(), nn.Linear(height * width * channels, request.num_outputs))

"""Networks of a user's own in PyTorch, named in requests as `package.module:function`."""

from __future__ import annotations

from typing import Any

from torch import nn

from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.torch.networks import FlattenChannelsLast, ScalePixels


def build_smooth(request: NetworkRequest) -> Any:
    """A small convolutional network without relu and max pooling; see `digits.request_smooth`."""
    height, width, channels = request.input_shape
    convolution = nn.Conv2d(channels, 16, 3, padding="same")
    dense = nn.Linear(height // 2 * (width // 2) * 16, 32)
    start = [ScalePixels(), convolution, nn.Tanh(), nn.AvgPool2d(2), FlattenChannelsLast()]
    return nn.Sequential(*start, dense, nn.Tanh(), nn.Linear(32, request.num_outputs))


def build_narrow(request: NetworkRequest) -> Any:
    """A network with too few outputs."""
    return nn.Linear(request.input_shape[0], request.num_outputs - 1)

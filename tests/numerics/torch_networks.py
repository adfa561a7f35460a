"""Networks of a user's own in PyTorch, named in requests as `package.module:function`."""

from __future__ import annotations

from typing import Any

from torch import nn

from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.torch.layers import FlattenChannelsLast, ScalePixels


def build_smooth(request: NetworkRequest) -> Any:
    """A small convolutional network without relu and max pooling; see `digits.request_smooth`."""
    height, width, channels = request.input_shape
    convolution = nn.Conv2d(channels, 16, 3, padding="same")
    dense = nn.Linear(height // 2 * (width // 2) * 16, 32)
    start = [ScalePixels(), convolution, nn.Tanh(), nn.AvgPool2d(2), FlattenChannelsLast()]
    return nn.Sequential(*start, dense, nn.Tanh(), nn.Linear(32, request.num_outputs))


def build_normalized(request: NetworkRequest) -> Any:
    """The smooth network with batch-norm behind its convolution and its dense layer."""
    height, width, channels = request.input_shape
    convolution = nn.Conv2d(channels, 8, 3, padding="same")
    start = [ScalePixels(), nn.Sequential(convolution, nn.BatchNorm2d(8, momentum=0.5)), nn.Tanh(), nn.AvgPool2d(2)]
    dense = nn.Linear(height // 2 * (width // 2) * 8, 16)
    end = [FlattenChannelsLast(), dense, nn.BatchNorm1d(16, momentum=0.5), nn.Tanh()]
    return nn.Sequential(*start, *end, nn.Linear(16, request.num_outputs))


def build_narrow(request: NetworkRequest) -> Any:
    """A network with too few outputs."""
    return nn.Linear(request.input_shape[0], request.num_outputs - 1)

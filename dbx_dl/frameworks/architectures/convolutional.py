"""Convolutional networks for images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.frameworks.activations import ActivationName
from dbx_dl.frameworks.architectures.architecture import Architecture, require_image_size
from dbx_dl.frameworks.layers import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAverage,
    Layer,
    MaxPool2D,
    Residual,
    ScalePixels,
)

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

CONVNET_FILTERS = (32, 64)
DEEP_CONVNET_FILTERS = (32, 64, 128)
DENSE_UNITS = 128
NUM_STAGES = 3


class ConvnetOptions(Section):
    """The classic convolutional network for small images.

    Pixels / 255, two blocks of 3x3 convolution (32 and 64 filters, same padding, relu) and 2x2 max pooling, a dense
    layer of 128 with relu and dropout, logits.
    """

    dropout: float = Field(default=0.25, ge=0, lt=1)
    activation: ActivationName = "relu"


class DeepConvnetOptions(Section):
    """A deeper convolutional network.

    Pixels / 255, three blocks of two 3x3 convolutions (32, 64 and 128 filters, same padding, relu) and 2x2 max pooling,
    a dense layer of 128 with relu and dropout, logits.
    """

    dropout: float = Field(default=0.25, ge=0, lt=1)
    activation: ActivationName = "relu"


class ResnetOptions(Section):
    """A residual network for small images (He et al. 2015, arXiv:1512.03385, section 4.2).

    Pixels / 255, a 3x3 convolution, three stages of `num_blocks` residual blocks (`filters`, twice and four times as
    many; every stage but the first halves the image), the mean of every channel, logits. Convolutions are followed by
    batch-norm; where a stage changes the shape the shortcut is a 1x1 convolution.
    """

    num_blocks: int = Field(default=1, gt=0)
    filters: int = Field(default=16, gt=0)


def describe_convnet(request: NetworkRequest, options: ConvnetOptions) -> tuple[Layer, ...]:
    """One convolution a block."""
    require_image_size(request, 2 ** len(CONVNET_FILTERS))
    blocks = [(*_convolve(filters, options.activation), MaxPool2D()) for filters in CONVNET_FILTERS]
    return (ScalePixels(), *sum(blocks, ()), *_decide(options.activation, options.dropout))


def describe_deep_convnet(request: NetworkRequest, options: DeepConvnetOptions) -> tuple[Layer, ...]:
    """Two convolutions a block."""
    require_image_size(request, 2 ** len(DEEP_CONVNET_FILTERS))
    blocks = [(*_convolve(filters, options.activation) * 2, MaxPool2D()) for filters in DEEP_CONVNET_FILTERS]
    return (ScalePixels(), *sum(blocks, ()), *_decide(options.activation, options.dropout))


def describe_resnet(request: NetworkRequest, options: ResnetOptions) -> tuple[Layer, ...]:
    """Residual blocks by stage."""
    require_image_size(request, 2 ** (NUM_STAGES - 1))
    layers: tuple[Layer, ...] = (ScalePixels(), *convolve_normalized(options.filters), Activation("relu"))
    for stage in range(NUM_STAGES):
        for block in range(options.num_blocks):
            is_smaller = stage > 0 and block == 0
            layers += _add_residual(options.filters * 2**stage, 2 if is_smaller else 1)
    return (*layers, GlobalAverage())


def _convolve(filters: int, activation: ActivationName) -> tuple[Layer, ...]:
    return (Conv2D(filters, 3, padding=1), Activation(activation))


def _decide(activation: ActivationName, dropout: float) -> tuple[Layer, ...]:
    return (Flatten(), Dense(DENSE_UNITS), Activation(activation), Dropout(dropout))


def convolve_normalized(filters: int, size: int = 3, stride: int = 1) -> tuple[Layer, ...]:
    """A convolution that keeps the size (but for the stride), and batch-norm in the place of its bias."""
    return (Conv2D(filters, size, padding=size // 2, stride=stride, has_bias=False), BatchNorm())


def _add_residual(filters: int, stride: int) -> tuple[Layer, ...]:
    body = (*convolve_normalized(filters, stride=stride), Activation("relu"), *convolve_normalized(filters))
    shortcut = convolve_normalized(filters, size=1, stride=stride) if stride > 1 else ()
    return (Residual(body, shortcut), Activation("relu"))


CONVOLUTIONAL_NETWORKS = {
    "convnet": Architecture(ConvnetOptions, ("images",), describe_convnet),
    "deep_convnet": Architecture(DeepConvnetOptions, ("images",), describe_deep_convnet),
    "resnet": Architecture(ResnetOptions, ("images",), describe_resnet),
}

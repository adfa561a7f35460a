"""Networks that say of every pixel what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.architectures.convolutional import convolve_normalized
from dbx_dl.frameworks.layers import Activation, Conv2D, Flatten, Layer, MaxPool2D, ScalePixels, UpSample2D
from dbx_dl.frameworks.token_layers import SideBySide

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


class UnetOptions(Section):
    """A small U-Net: down to coarse places and up again, with the finer ones beside (Ronneberger et al. 2015).

    arXiv:1505.04597, with zero padding, batch-norm and nearest neighbours in the place of learned up-convolutions.
    Pixels / 255; `num_levels` times two blocks (3x3 convolution, batch-norm, relu) and 2x2 max pooling, with `filters`
    and then twice as many each time; two blocks; and each level back: every place four times, a block, what the level
    had before pooling beside it, two blocks. A 1x1 convolution gives each pixel's logits.
    """

    filters: int = Field(default=16, gt=0)
    num_levels: int = Field(default=2, gt=0)


def describe_unet(request: NetworkRequest, options: UnetOptions) -> tuple[Layer, ...]:
    """All layers; the last ones give the logits of the pixels, row by row."""
    height, width, _ = request.input_shape
    if request.grid != (height, width):
        raise ConfigError(f"network {request.network!r} gives masks: prepare COCO images with `labels: polygons`")
    if height % 2**options.num_levels or width % 2**options.num_levels:
        raise ConfigError(
            f"network {request.network!r} halves images {options.num_levels} times, which {height}x{width} pixels do "
            "not allow: change num_levels or the images' size"
        )
    body = _describe_level(options.filters, options.num_levels)
    return (ScalePixels(), *body, Conv2D(request.num_outputs // (height * width), 1), Flatten())


def _describe_level(filters: int, num_below: int) -> tuple[Layer, ...]:
    """The blocks of a level, and between them what is below it."""
    blocks = _add_block(filters) * 2
    if not num_below:
        return blocks
    below = (MaxPool2D(), *_describe_level(2 * filters, num_below - 1), UpSample2D(), *_add_block(filters))
    # No layer at all gives what is here, beside what comes from below.
    return (*blocks, SideBySide(((), below)), *blocks)


def _add_block(filters: int) -> tuple[Layer, ...]:
    return (*convolve_normalized(filters), Activation("relu"))


SEGMENTATION_NETWORKS = {
    "unet": Architecture(UnetOptions, ("images",), describe_unet, ("segmentation",), has_logits_layer=False)
}

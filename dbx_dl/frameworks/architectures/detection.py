"""Networks that find objects in images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.architectures.convolutional import convolve_normalized
from dbx_dl.frameworks.layers import Activation, Conv2D, Flatten, Layer, MaxPool2D, ScalePixels

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

MAX_WIDENING = 8


class DetectorOptions(Section):
    """A small detector: convolutions down to one place for each cell, which says what is there.

    After Redmon et al. 2016, "You Only Look Once", arXiv:1506.02640, of convolutions alone. Pixels / 255; a block of
    3x3 convolution, batch-norm and relu, and 2x2 max pooling, until a place is a cell, with `filters` and then twice as
    many each time (up to 8 times); `num_blocks` further blocks; a 1x1 convolution to the numbers of a cell.
    """

    filters: int = Field(default=16, gt=0)
    num_blocks: int = Field(default=2, ge=0)


def describe_detector(request: NetworkRequest, options: DetectorOptions) -> tuple[Layer, ...]:
    """All layers; the last ones give the numbers of the cells, row by row."""
    if request.grid is None:
        raise ConfigError(f"network {request.network!r} finds boxes: prepare COCO images with `labels: boxes`")
    rows, columns = request.grid
    cell = request.input_shape[0] // rows
    if cell & (cell - 1) or request.input_shape[:2] != (rows * cell, columns * cell):
        raise ConfigError(
            f"network {request.network!r} halves images down to cells of 2, 4, 8, 16, … pixels; those of the table "
            f"have {cell}: set source.cell of prepare"
        )
    num_halvings = cell.bit_length() - 1
    widths = [options.filters * min(MAX_WIDENING, 2**place) for place in range(num_halvings + 1)]
    layers: tuple[Layer, ...] = (ScalePixels(),)
    for width in widths[:-1]:
        layers += (*_add_block(width), MaxPool2D())
    layers += _add_block(widths[-1]) * options.num_blocks
    return (*layers, Conv2D(request.num_outputs // (rows * columns), 1), Flatten())


def _add_block(filters: int) -> tuple[Layer, ...]:
    return (*convolve_normalized(filters), Activation("relu"))


DETECTION_NETWORKS = {
    "detector": Architecture(DetectorOptions, ("images",), describe_detector, ("boxes",), has_logits_layer=False)
}

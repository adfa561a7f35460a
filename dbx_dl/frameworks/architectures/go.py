"""AlphaGo's policy network (Silver et al. 2016, Nature 529, "Methods: Neural network architecture")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.layers import Activation, Conv2D, Flatten, Layer, PositionBias, Reshape

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

BOARD = 19
PLANES = 48
NUM_LAYERS = 12


class GoPolicyOptions(Section):
    """AlphaGo's policy network: a probability for each of the 361 points of a Go board.

    Takes 19x19 positions of 48 feature planes as an array of 17,328 numbers (rows, columns, planes). The first layer
    pads to 23x23 and has k = `filters` kernels of 5x5, layers 2 to 12 pad to 21x21 and have k of 3x3, all with relu;
    then one 1x1 kernel, and a bias of its own for every point. Labels are the names of the 361 points, which must sort
    row by row (such as `03-15`), since the network's n-th answer is its n-th point.
    """

    filters: int = Field(default=192, gt=0)


def describe_go_policy(request: NetworkRequest, options: GoPolicyOptions) -> tuple[Layer, ...]:
    """All layers; the last ones give the logits of the points themselves."""
    size = BOARD * BOARD * PLANES
    if request.input_shape != (size,) or request.num_outputs != BOARD * BOARD:
        raise ConfigError(
            f"network {request.network!r} takes {size} numbers ({BOARD}x{BOARD} points of {PLANES} planes) and gives "
            f"{BOARD * BOARD} points; the table has {request.input_shape} numbers and {request.num_outputs} labels"
        )
    relu = Activation("relu")
    inner = (Conv2D(options.filters, 3, padding=1), relu) * (NUM_LAYERS - 1)
    last = (Conv2D(1, 1, has_bias=False), PositionBias(), Flatten())
    return (Reshape((BOARD, BOARD, PLANES)), Conv2D(options.filters, 5, padding=2), relu, *inner, *last)


GO_NETWORKS = {
    "go_policy": Architecture(GoPolicyOptions, ("table",), describe_go_policy, ("multiclass",), has_logits_layer=False)
}

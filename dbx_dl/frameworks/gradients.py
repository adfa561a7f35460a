"""What explanations ask of a network in its framework: gradients at a place within it, and which places there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures import ARCHITECTURES, describe_network
from dbx_dl.frameworks.layers import Activation, BatchNorm, Conv2D, Residual
from dbx_dl.frameworks.networks import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.frameworks.interface import NetworkRequest

Layer = TypeVar("Layer")
Floats = "NDArray[np.float32]"


class Gradients(Protocol):
    """A network in inference mode with a place at which values can be put in: its inputs, or its tokens' vectors."""

    def embed(self, rows: NDArray[np.generic]) -> NDArray[np.float32]:
        """The place's values (N, ...) of rows: the inputs as floats, or vectors (N, T, E) of ids (N, T)."""

    def evaluate(
        self, rows: NDArray[np.generic], values: NDArray[np.float32], outputs: NDArray[np.integer]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (N,) of the outputs (N,) with `values` at the place, and their gradients (N, ...) by these values."""


def find_convolution(request: NetworkRequest) -> str | None:
    """The last layer of a built-in network whose values are an image's, by a convolution and what activates it.

    None for other networks; ConfigError for one without a convolution.
    """
    if request.network not in ARCHITECTURES:
        return None
    layers = describe_network(request)
    places = [place for place, (_, layer) in enumerate(layers) if isinstance(layer, Conv2D | Residual)]
    if not places:
        raise ConfigError(f"network {request.network!r} has no convolution, as Grad-CAM needs one: use another method")
    last = places[-1]
    while last + 1 < len(layers) and isinstance(layers[last + 1][1], BatchNorm | Activation):
        last += 1
    return layers[last][0]


def choose_layer(name: str | None, layers: dict[str, Layer], found: Sequence[str], network: str) -> tuple[str, Layer]:
    """The layer called `name`, else the last of those that were `found`; ConfigError where there is none."""
    if name is None and not found:
        raise ConfigError(f"network {network!r} has no convolution, as Grad-CAM needs one: use another method")
    chosen = found[-1] if name is None else name
    if chosen not in layers:
        raise ConfigError(f"explain.gradients.layer: the network has no layer {chosen!r}; {nearest(chosen, layers)}")
    return chosen, layers[chosen]


def require_image_values(name: str, num_dimensions: int) -> None:
    """ConfigError for a layer whose values are no images."""
    if num_dimensions != 4:
        raise ConfigError(f"explain.gradients.layer: layer {name!r} gives no image of values: name a convolution")


def refuse_tokens(network: str) -> ConfigError:
    """The error for a network that has no vectors of tokens."""
    return ConfigError(
        f"network {network!r} has no embedding layer, whose gradients could explain a text: use the method leave_out"
    )

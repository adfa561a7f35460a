"""What the built-in networks are, said once for all frameworks: their options, sizes, and the inputs they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field, ValidationError

from dbx_dl.config import Section
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.networks import is_users_own, nearest, require_known

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

CONVNET_FILTERS = (32, 64)
CONVNET_DENSE_UNITS = 128
PIXEL_SCALE = 1 / 255
ADAM_EPSILON = 1e-7
RMSPROP_DISCOUNT = 0.9
RMSPROP_EPSILON = 1e-7
# Sums of squares start above 0, so that the first gradients are not blown up to size 1.
ADAGRAD_START = 0.1


class ConvnetOptions(Section):
    """The classic convolutional network for small images.

    Pixels / 255, two blocks of 3x3 convolution (32 and 64 filters, same padding, relu) and 2x2 max pooling, a dense
    layer of 128 with relu and dropout, logits.
    """

    dropout: float = Field(default=0.25, ge=0, lt=1)


class MlpOptions(Section):
    """A multilayer perceptron: `num_layers` dense layers of `hidden_units` with relu and dropout, logits."""

    hidden_units: int = Field(default=64, gt=0)
    num_layers: int = Field(default=2, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


Options = TypeVar("Options", bound=Section)


def read_convnet_options(request: NetworkRequest) -> ConvnetOptions:
    """The request's options; ConfigError for a wrong one, or for inputs that are not images of at least 4x4 pixels."""
    options = read_options(request, ConvnetOptions)
    if len(request.input_shape) != 3 or request.input_dtype != "uint8":
        raise ConfigError(f"network {request.network!r} takes images, not {_name_inputs(request)}: use 'mlp'")
    if min(request.input_shape[:2]) < 4:
        size = "x".join(str(side) for side in request.input_shape[:2])
        raise ConfigError(f"network {request.network!r} needs images of at least 4x4 pixels, got {size}")
    return options


def read_mlp_options(request: NetworkRequest) -> MlpOptions:
    """The request's options; ConfigError for a wrong one, or for inputs that are not float32 features."""
    options = read_options(request, MlpOptions)
    if len(request.input_shape) != 1 or request.input_dtype != "float32":
        raise ConfigError(f"network {request.network!r} takes table rows, not {_name_inputs(request)}: use 'convnet'")
    return options


def read_options(request: NetworkRequest, kind: type[Options]) -> Options:
    """The request's options as a `kind`; ConfigError names a wrong option or value and the valid ones."""
    try:
        return kind.model_validate(request.options)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        origin = f"network {request.network!r}: option {name!r}"
        if problem["type"] == "extra_forbidden":
            raise ConfigError(f"{origin} is unknown; {nearest(name, kind.model_fields, what='options')}") from None
        raise ConfigError(f"{origin}: {problem['msg']} (got {problem['input']!r})") from None


# The built-in networks, the same in every framework's NETWORKS.
ARCHITECTURES: dict[str, Callable[[NetworkRequest], Section]] = {
    "convnet": read_convnet_options,
    "mlp": read_mlp_options,
}


def check_network(request: NetworkRequest) -> None:
    """ConfigError, without loading a framework, when a built-in network is unknown or cannot be built as requested.

    A user's own network is found out only where it is imported, in a rank.
    """
    if not is_users_own(request.network):
        require_known(request.network, ARCHITECTURES)
        ARCHITECTURES[request.network](request)


def _name_inputs(request: NetworkRequest) -> str:
    kind = {3: "images", 1: "table rows"}.get(len(request.input_shape), "inputs")
    return f"{kind} of shape {request.input_shape} and type {request.input_dtype}"

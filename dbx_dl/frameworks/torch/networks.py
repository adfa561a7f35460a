"""The built-in networks in PyTorch; each takes the rows as they come (pixels or features) and gives logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dbx_dl.frameworks import architectures
from dbx_dl.frameworks.networks import Builder, check_is_network, check_logits_shape, find_builder

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


class ScalePixels(nn.Module):  # type: ignore[misc]
    """uint8 pixels (N, H, W, C) to float32 (N, C, H, W) in [0, 1]."""

    def forward(self, pixels_nhwc: Any) -> Any:
        """Channels first, then pixels / 255."""
        return pixels_nhwc.permute(0, 3, 1, 2).to(torch.float32) * architectures.PIXEL_SCALE


class FlattenChannelsLast(nn.Module):  # type: ignore[misc]
    """(N, C, H, W) to (N, H*W*C): the order of Keras, so that weights of both frameworks are interchangeable."""

    def forward(self, values_nchw: Any) -> Any:
        """Channels last, then flat."""
        return values_nchw.permute(0, 2, 3, 1).flatten(1)


def build_network(request: NetworkRequest) -> Any:
    """A new nn.Module with weights drawn from `request.seed`; dropout noise follows the seed of the process.

    ConfigError when the name or an option is unknown, or a network of the user's own does not give logits.
    """
    builder = find_builder(request.network, NETWORKS)
    with torch.random.fork_rng():
        torch.manual_seed(request.seed)
        network = builder(request)
        check_is_network(network, nn.Module, request)
        inputs = torch.zeros((2, *request.input_shape), dtype=getattr(torch, request.input_dtype))
        # The first call also creates the weights of lazy modules.
        with torch.no_grad():
            logits = network.eval()(inputs)
    check_logits_shape(tuple(logits.shape), request)
    return network.train()


def build_convnet(request: NetworkRequest) -> Any:
    """The network that `ConvnetOptions` describes, for uint8 pixels (N, H, W, C)."""
    options = architectures.read_convnet_options(request)
    height, width, channels = request.input_shape
    modules: list[Any] = [ScalePixels()]
    for filters in architectures.CONVNET_FILTERS:
        modules += [_start(nn.Conv2d(channels, filters, 3, padding="same")), nn.ReLU(), nn.MaxPool2d(2)]
        height, width, channels = height // 2, width // 2, filters
    modules += [
        FlattenChannelsLast(),
        _start(nn.Linear(height * width * channels, architectures.CONVNET_DENSE_UNITS)),
        nn.ReLU(),
    ]
    modules += [nn.Dropout(options.dropout), _start(nn.Linear(architectures.CONVNET_DENSE_UNITS, request.num_outputs))]
    return nn.Sequential(*modules)


def build_mlp(request: NetworkRequest) -> Any:
    """The network that `MlpOptions` describes, for float32 features (N, K)."""
    options = architectures.read_mlp_options(request)
    (width,) = request.input_shape
    modules: list[Any] = []
    for _ in range(options.num_layers):
        modules += [_start(nn.Linear(width, options.hidden_units)), nn.ReLU(), nn.Dropout(options.dropout)]
        width = options.hidden_units
    return nn.Sequential(*modules, _start(nn.Linear(width, request.num_outputs)))


def _start(layer: Any) -> Any:
    # As Keras does by default, so that both frameworks train from the same distribution.
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


NETWORKS: dict[str, Builder] = {"convnet": build_convnet, "mlp": build_mlp}

"""The built-in networks in PyTorch; each takes the rows as they come (pixels or features) and gives logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dbx_dl.frameworks.architectures import ARCHITECTURES, describe_network, gives_inputs
from dbx_dl.frameworks.architectures.architecture import input_kind
from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.networks import Builder, check_is_network, check_logits_shape, find_builder
from dbx_dl.frameworks.torch.decoder_layers import WritingNetwork
from dbx_dl.frameworks.torch.history_layers import HistoryNetwork
from dbx_dl.frameworks.torch.layers import create_modules
from dbx_dl.frameworks.torch.token_layers import StepNetwork, TokenNetwork

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


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


def build_described(request: NetworkRequest) -> Any:
    """A built-in network, as `frameworks.architectures` describes it, with the layers' names from there."""
    modules = create_modules(describe_network(request), request.input_shape)
    if gives_inputs(request):
        return BesideInputs(modules)
    if request.num_words:
        return WritingNetwork(modules)
    if request.catalog is not None:
        return HistoryNetwork(modules, request.catalog)
    if input_kind(request) == "steps":
        return StepNetwork(modules)
    return TokenNetwork(modules) if request.is_text else nn.Sequential(modules)


class BesideInputs(nn.Sequential):  # type: ignore[misc]
    """Modules whose outputs (N, D) have the inputs' D entries beside them, pixels scaled, in Keras' order: (N, 2 D)."""

    def forward(self, inputs: Any) -> Any:
        """Outputs first."""
        rows = inputs.flatten(1).float()
        rows = rows * PIXEL_SCALE if inputs.dtype is torch.uint8 else rows
        return torch.cat([super().forward(inputs).float(), rows], dim=1)


NETWORKS: dict[str, Builder] = dict.fromkeys(ARCHITECTURES, build_described)

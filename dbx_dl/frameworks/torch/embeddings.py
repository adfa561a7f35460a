"""The values of an inner module of a PyTorch network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dbx_dl.frameworks.embeddings import find_layer, refuse_layer
from dbx_dl.frameworks.prediction import predict_in_chunks
from dbx_dl.frameworks.torch.batches import to_tensor

if TYPE_CHECKING:
    import numpy as np


class ExposedNetwork(nn.Module):  # type: ignore[misc]
    """A network that gives its logits and the values of an inner module float32 (N, K), flattened."""

    def __init__(self, network: Any, name: str) -> None:
        """ConfigError when there is no module of this name."""
        super().__init__()
        self._network = network
        self._name = name
        self._module = find_layer(name, {name: module for name, module in network.named_modules() if name})

    def forward(self, inputs: Any) -> tuple[Any, Any]:
        """Logits (N, num_outputs) and embeddings (N, K); ConfigError when the module gives no tensor with rows."""
        kept: list[Any] = []
        hook = self._module.register_forward_hook(lambda *called: kept.append(called[-1]))
        try:
            logits = self._network(inputs)
        finally:
            hook.remove()
        if not kept or not torch.is_tensor(kept[-1]) or kept[-1].ndim < 2:
            raise refuse_layer(self._name, "gives no tensor of shape (N, ...) when the network predicts")
        return logits, kept[-1].flatten(1).to(torch.float32)


def expose_layer(network: Any, name: str) -> Any:
    """See `ExposedNetwork`; it shares all weights with `network`."""
    return ExposedNetwork(network, name).train(network.training)


def predict_embeddings(network: Any, name: str, inputs: np.ndarray) -> np.ndarray:
    """The module's values float32 (N, K) for inputs (N, ...) in inference mode; ConfigError as in `expose_layer`."""
    exposed = expose_layer(network.eval(), name)
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        return predict_in_chunks(lambda rows: exposed(to_tensor(rows, device))[1].cpu().numpy(), inputs)

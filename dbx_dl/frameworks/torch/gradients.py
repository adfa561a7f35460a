"""Gradients of a PyTorch network's outputs by its inputs, its tokens' vectors, or an inner layer's values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from dbx_dl.frameworks.gradients import choose_layer, find_convolution, refuse_tokens, require_image_values
from dbx_dl.frameworks.torch.batches import to_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.frameworks.interface import NetworkRequest


class TorchGradients:
    """See `frameworks.gradients.Gradients`; with a `module` the place is what that module gives."""

    def __init__(self, network: Any, module: Any | None) -> None:
        self._network = network.eval()
        self._module = module

    def embed(self, rows: NDArray[np.generic]) -> NDArray[np.float32]:
        """The rows as floats, or the module's values for them."""
        if self._module is None:
            return rows.astype(np.float32)
        with _watched(self._module) as seen, torch.no_grad():
            self._network(to_tensor(rows))
        values: NDArray[np.float32] = seen[-1].float().numpy()
        return values

    def evaluate(
        self, rows: NDArray[np.generic], values: NDArray[np.float32], outputs: NDArray[np.integer]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (N,) and gradients like `values`."""
        place = to_tensor(values).requires_grad_(True)
        if self._module is None:
            logits = self._network(place)
        else:
            hook = self._module.register_forward_hook(lambda *_: place)
            try:
                logits = self._network(to_tensor(rows))
            finally:
                hook.remove()
        return _differentiate(logits, outputs, place)


def open_gradients(network: Any, request: NetworkRequest) -> TorchGradients:
    """Gradients by the inputs, of texts by their tokens' vectors; ConfigError when there are none."""
    if not request.is_text:
        return TorchGradients(network, None)
    found = [module for module in network.modules() if isinstance(module, nn.Embedding)]
    if not found:
        raise refuse_tokens(request.network)
    return TorchGradients(network, found[0])


def read_activations(
    network: Any, request: NetworkRequest, layer: str | None, rows: NDArray[np.generic], outputs: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A layer's values (N, H, W, C) for images, and the gradients of the outputs (N,) by them.

    Without a name it is the last convolution. ConfigError for a layer that is not there or gives no images.
    """
    modules = {name: module for name, module in network.named_modules() if name}
    known = find_convolution(request) if layer is None else None
    convolutions = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    name, module = choose_layer(layer, modules, [known] if known else convolutions, request.network)
    with _restarted(module) as seen:
        logits = network.eval()(to_tensor(rows))
    require_image_values(name, seen[-1].ndim)
    _, gradients = _differentiate(logits, outputs, seen[-1])
    return seen[-1].detach().permute(0, 2, 3, 1).numpy(), gradients.transpose(0, 2, 3, 1)


def _differentiate(
    logits: Any, outputs: NDArray[np.integer], place: Any
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    chosen = logits[torch.arange(len(outputs)), torch.from_numpy(outputs.astype(np.int64))]
    (gradients,) = torch.autograd.grad(chosen.sum(), place)
    return chosen.detach().float().numpy(), gradients.float().numpy()


@contextmanager
def _watched(module: Any) -> Iterator[list[Any]]:
    """What the module gives inside the block."""
    seen: list[Any] = []
    hook = module.register_forward_hook(lambda *called: seen.append(called[-1]))
    try:
        yield seen
    finally:
        hook.remove()


@contextmanager
def _restarted(module: Any) -> Iterator[list[Any]]:
    """What the module gives inside the block, as values that gradients are by, however its own weights are frozen."""
    seen: list[Any] = []

    def restart(*called: Any) -> Any:
        seen.append(called[-1].detach().requires_grad_())
        # What comes next may work in place, which values that gradients are by do not allow.
        return seen[-1].clone()

    hook = module.register_forward_hook(restart)
    try:
        yield seen
    finally:
        hook.remove()

"""Set the weights of one layer to given numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def set_kernel(network: Any, name: str, kernel_kl: NDArray[Any]) -> None:
    """Let a dense layer without bias compute x W, for W (K, L)."""
    with torch.no_grad():
        network.get_submodule(name).weight.copy_(torch.from_numpy(kernel_kl.T.copy()))

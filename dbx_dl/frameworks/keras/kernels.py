"""Set the weights of one layer to given numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def set_kernel(network: Any, name: str, kernel_kl: NDArray[Any]) -> None:
    """Let a dense layer without bias compute x W, for W (K, L)."""
    network.get_layer(name).set_weights([kernel_kl])

"""Layers that draw at random while a network is trained and are still when it predicts; and names for values."""

from __future__ import annotations

from dataclasses import dataclass

from dbx_dl.frameworks.layers import Shape, WithoutWeights


@dataclass(frozen=True)
class Corrupt(WithoutWeights):
    """In training Gaussian noise of deviation `noise` is added, then each number is 0 with probability `masking`."""

    noise: float
    masking: float


@dataclass(frozen=True)
class Sample(WithoutWeights):
    """(2 K,), K means and K logarithms of variances, to (K,): in training a draw from these Gaussians, else the means.

    The draw is mean + deviation x noise, so that gradients reach both (Kingma and Welling 2014).
    """

    def shape_after(self, shape: Shape) -> Shape:
        """Half as many."""
        return (*shape[:-1], shape[-1] // 2)


@dataclass(frozen=True)
class Mark(WithoutWeights):
    """The same values; the layer is called `name`, by which embeddings and penalties find them."""

    name: str

"""Layers that draw at random while a network is trained, in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Corrupt(nn.Module):  # type: ignore[misc]
    """See `frameworks.random_layers.Corrupt`."""

    def __init__(self, noise: float, masking: float) -> None:
        super().__init__()
        self._noise, self._masking = noise, masking

    def forward(self, values: Any) -> Any:
        """The values, in training disturbed."""
        if not self.training:
            return values
        noisy = values + torch.randn_like(values) * self._noise if self._noise else values
        return noisy * (torch.rand_like(noisy) >= self._masking) if self._masking else noisy


class Sample(nn.Module):  # type: ignore[misc]
    """See `frameworks.random_layers.Sample`."""

    def forward(self, values: Any) -> Any:
        """(N, 2 K) to (N, K)."""
        means, log_variances = values.chunk(2, dim=-1)
        if not self.training:
            return means
        return means + torch.exp(0.5 * log_variances) * torch.randn_like(means)

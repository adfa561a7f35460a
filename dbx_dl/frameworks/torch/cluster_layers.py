"""Layers with a centre for each cluster, in PyTorch."""

from __future__ import annotations

from math import log, pi
from typing import Any

import torch
from torch import nn

from dbx_dl.frameworks.cluster_layers import MIN_VARIANCE


class Centroids(nn.Module):  # type: ignore[misc]
    """See `frameworks.cluster_layers.Centroids`; computes in float32."""

    def __init__(self, num_clusters: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(num_clusters, width))
        self.register_buffer("log_variance", torch.zeros(()))

    def forward(self, values_nk: Any) -> Any:
        """(N, 2 num_clusters); differences are taken one by one, since products would lose small distances."""
        squares = (values_nk.float()[:, None] - self.centres).square().sum(dim=2)
        num_clusters, width = self.centres.shape
        constant = 0.5 * width * (self.log_variance + log(2 * pi)) + log(num_clusters)
        return torch.cat([-0.5 * squares * torch.exp(-self.log_variance) - constant, squares], dim=1)


class DiagonalMixture(nn.Module):  # type: ignore[misc]
    """See `frameworks.cluster_layers.DiagonalMixture`; computes in float32."""

    def __init__(self, num_clusters: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(num_clusters, width))
        self.log_variances = nn.Parameter(torch.zeros(num_clusters, width))
        self.log_shares = nn.Parameter(torch.zeros(num_clusters))

    def forward(self, values_nk: Any) -> Any:
        """(N, 2 num_clusters)."""
        squares = (values_nk.float()[:, None] - self.centres).square()
        variances = torch.exp(self.log_variances) + MIN_VARIANCE
        densities = -0.5 * (squares / variances + torch.log(2 * pi * variances)).sum(dim=2)
        return torch.cat([densities + torch.log_softmax(self.log_shares, dim=0), squares.sum(dim=2)], dim=1)

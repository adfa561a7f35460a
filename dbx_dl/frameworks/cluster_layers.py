"""Layers with a centre for each of some clusters: how likely each one is for a row, and how far away."""

from __future__ import annotations

from dataclasses import dataclass

from dbx_dl.frameworks.layers import Shape

# No variance of a mixture is below this, in squared units of what it is fitted to.
MIN_VARIANCE = 1e-3


@dataclass(frozen=True)
class _Clusters:
    num_clusters: int

    def shape_after(self, shape: Shape) -> Shape:
        """Two numbers for each cluster."""
        del shape
        return (2 * self.num_clusters,)


@dataclass(frozen=True)
class Centroids(_Clusters):
    """(K,) to (2 num_clusters,): the logarithm of share x density of each cluster, and squared distances to centres.

    Clusters have one share and are Gaussians of one variance in all directions, which is kept with the weights and is
    that of rows about their centres: what k-means takes for granted.
    """

    def num_parameters(self, shape: Shape) -> int:
        """The centres."""
        return self.num_clusters * shape[-1]


@dataclass(frozen=True)
class DiagonalMixture(_Clusters):
    """The same of Gaussians with shares and, along every axis, variances of their own (above MIN_VARIANCE)."""

    def num_parameters(self, shape: Shape) -> int:
        """Centres, logarithms of variances, and those of shares up to a constant."""
        return self.num_clusters * (2 * shape[-1] + 1)

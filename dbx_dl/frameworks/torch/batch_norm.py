"""Batch normalisation over the rows of all ranks, on CPU and GPU (Horovod's own needs a GPU)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from dbx_dl.frameworks.torch.distribute import SumOverRanks

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Ranks


def synchronize_batch_norm(network: Any, ranks: Ranks) -> None:
    """Let every batch-norm of the network normalise with mean and variance of the global batch.

    Modules are replaced in place and keep their parameters, buffers and names. With one rank nothing changes.
    """
    if ranks.size == 1:
        return
    for number, (parent, name, found) in enumerate(_find_batch_norms(network)):
        replaced = RankBatchNorm.__new__(RankBatchNorm)
        replaced.__dict__ = {**found.__dict__, "ranks": ranks, "label": f"dbx_dl_batch_norm_{number}"}
        setattr(parent, name, replaced)


def _find_batch_norms(network: Any) -> list[tuple[Any, str, Any]]:
    return [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, _BatchNorm)
    ]


class RankBatchNorm(_BatchNorm):  # type: ignore[misc]
    """A batch-norm whose training statistics are those of the global batch, and whose gradients are exact."""

    ranks: Ranks
    label: str

    def forward(self, values: Any) -> Any:
        """Normalise (N, C, ...) as PyTorch's own does, padding rows included."""
        if not self.training and self.track_running_stats:
            return super().forward(values)
        with torch.autocast(values.device.type, enabled=False):
            return self._normalize(values.float()).to(values.dtype)

    def _normalize(self, values: Any) -> Any:
        axes = [0, *range(2, values.dim())]
        shape = [1, -1, *[1] * (values.dim() - 2)]
        count = values.new_full((1,), values.numel() // values.shape[1])
        totals = SumOverRanks.apply(torch.cat([values.sum(axes), count]), self.ranks, f"{self.label}_mean")
        mean, count = totals[:-1] / totals[-1], totals[-1].detach()
        centered = values - mean.view(shape)
        squares = SumOverRanks.apply(centered.square().sum(axes), self.ranks, f"{self.label}_variance")
        variance = squares / count
        self._track(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
        normalized = centered * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            normalized = normalized * self.weight.view(shape) + self.bias.view(shape)
        return normalized

    def _check_input_dim(self, values: Any) -> None:
        del values

    def _track(self, mean: Any, variance: Any) -> None:
        if not self.training or self.running_mean is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)

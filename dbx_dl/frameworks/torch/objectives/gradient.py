"""Objectives of one loss, whose gradient one optimizer follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from dbx_dl.frameworks.torch.batch_norm import synchronize_batch_norm
from dbx_dl.frameworks.torch.batches import to_tensor, to_tensors
from dbx_dl.frameworks.torch.objectives.descent import Descent
from dbx_dl.frameworks.torch.objectives.network import NetworkObjective, find_device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.contracts import Batch
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class GradientObjective(NetworkObjective, ABC):
    """An objective that says what a step minimises and sums up over rows; all else about a step is the same.

    `also_trained` are weights of what is trained beside the network by the same optimizer.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest,
        stages: Sequence[FrozenStage] = (),
        further: Mapping[str, Any] | None = None,
        also_trained: Sequence[Any] = (),
    ) -> None:
        if request.sync_batch_norm:
            synchronize_batch_norm(network, ranks)
        self._request = request
        self._device = find_device()
        network = network.to(self._device)
        trained = [*(p for p in network.parameters() if p.requires_grad), *also_trained]
        self._descent = Descent(optimizer, trained, ranks, request.precision, stages)
        super().__init__(network, ranks, {"optimizer": self._descent}, further)

    @abstractmethod
    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        """What is minimised, summed over this rank's rows by `weights`; and sums to report, `loss` among them; all 0-d.

        `own_weights` (N,) are those of samples.
        """

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step on the global batch; this rank's sums of `weight`, and of what the objective sums up."""
        inputs, labels, weights = to_tensors(batch, self._device)
        is_alike = batch.sample_weights is batch.weights
        own_weights = weights if is_alike else to_tensor(batch.sample_weights, self._device)
        self._network.train()
        loss, sums = self._compute_loss(inputs, labels, weights, own_weights)
        found = {"weight": weights.sum().item(), **{name: value.item() for name, value in sums.items()}}
        self._descent.follow(loss, found["weight"], len(weights), learning_rate)
        return found

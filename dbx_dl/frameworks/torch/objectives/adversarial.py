"""Adversarial training in PyTorch: a generator and a discriminator, each with an optimizer, take turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.torch.batch_norm import synchronize_batch_norm
from dbx_dl.frameworks.torch.batches import to_tensors
from dbx_dl.frameworks.torch.networks import build_network
from dbx_dl.frameworks.torch.objectives.descent import Descent
from dbx_dl.frameworks.torch.objectives.network import NetworkObjective, find_device
from dbx_dl.frameworks.torch.precision import compute_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.contracts import Batch
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class AdversarialObjective(NetworkObjective):
    """Goodfellow et al., "Generative adversarial nets", 2014, with the generator's loss that does not saturate.

    The network is the generator, of noise float32 (N, K) to logits of pixels (N, D); labels are true images float32
    (N, D). A step moves the discriminator, then the generator, each by fresh noise. Sums are the generator's `loss`,
    `discriminator_loss`, and `true_share` and `made_share`: the discriminator's probabilities that images are true.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest,
        stages: Sequence[FrozenStage] = (),
    ) -> None:
        assert request.adversary is not None
        if request.sync_batch_norm:
            synchronize_batch_norm(network, ranks)
        self.measures = SupervisedMeasures(request)
        self._precision = request.precision
        self._device = find_device()
        network = network.to(self._device)
        self._discriminator = build_network(request.adversary).to(self._device)
        trained = [p for p in network.parameters() if p.requires_grad]
        self._generation = Descent(optimizer, trained, ranks, request.precision, stages)
        self._discrimination = Descent(
            optimizer, list(self._discriminator.parameters()), ranks, request.precision, label="dbx_dl_discriminator"
        )
        descents = {"optimizer": self._generation, "discriminator_optimizer": self._discrimination}
        super().__init__(network, ranks, descents, {"discriminator": self._discriminator})

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step of both on the global batch; this rank's sums."""
        noise, images, weights = to_tensors(batch, self._device)
        weight = weights.sum().item()
        self._network.train()
        self._discriminator.train()
        with torch.no_grad():
            made = self._make(torch.randn_like(noise))
        true_logits, made_logits = self._judge(images), self._judge(made)
        losses = functional.softplus(-true_logits) + functional.softplus(made_logits)
        discriminator_loss = (losses * weights).sum()
        self._discrimination.follow(discriminator_loss, weight, len(weights), learning_rate)
        # Or its gradients would wait for the next step's, where several batches make one.
        self._discriminator.requires_grad_(False)
        loss = (functional.softplus(-self._judge(self._make(torch.randn_like(noise)))) * weights).sum()
        self._generation.follow(loss, weight, len(weights), learning_rate)
        self._discriminator.requires_grad_(True)
        return {
            "weight": weight,
            "loss": loss.item(),
            "discriminator_loss": discriminator_loss.item(),
            "true_share": (true_logits.sigmoid() * weights).sum().item(),
            "made_share": (made_logits.sigmoid() * weights).sum().item(),
        }

    def _make(self, noise: Any) -> Any:
        """Images of noise."""
        with compute_in(self._network, self._precision):
            return self._network(noise).float().sigmoid()

    def _judge(self, images: Any) -> Any:
        """Logits (N,) of images being true."""
        with compute_in(self._network, self._precision):
            return self._discriminator(images).float()[:, 0]

"""A deep belief network in PyTorch: its layers learn what inputs are like, one after the other, and then labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.torch.objectives.descent import Descent
from dbx_dl.frameworks.torch.objectives.network import find_device
from dbx_dl.frameworks.torch.objectives.supervised import SupervisedObjective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class Machine(nn.Module):  # type: ignore[misc]
    """A restricted Boltzmann machine of a dense layer, whose weights it shares, and of a bias for each of its inputs.

    Inputs are probabilities of units that are 0 or 1, or, where they are `gaussian`, numbers of variance 1.
    """

    def __init__(self, layer: Any, gaussian: bool) -> None:
        super().__init__()
        self.visible_bias = nn.Parameter(torch.zeros(layer.in_features))
        # Not as a module of its own: its weights are the network's.
        self._shared, self._is_gaussian = (layer,), gaussian

    @property
    def layer(self) -> Any:
        """The dense layer."""
        return self._shared[0]

    @property
    def trained(self) -> list[Any]:
        """What a step moves."""
        return [p for p in (self.layer.weight, self.layer.bias, self.visible_bias) if p.requires_grad]

    def sample(self, visible: Any, num_steps: int) -> Any:
        """Inputs (N, D) after Gibbs steps that start at `visible`: hidden units are drawn, inputs are expectations."""
        for _ in range(num_steps):
            hidden = torch.bernoulli(torch.sigmoid(self.layer(visible)))
            expected = hidden @ self.layer.weight + self.visible_bias
            visible = expected if self._is_gaussian else torch.sigmoid(expected)
        return visible

    def energy(self, visible: Any) -> Any:
        """The free energy (N,) of inputs (N, D), hidden units summed out."""
        softened = functional.softplus(self.layer(visible)).sum(dim=1)
        if self._is_gaussian:
            return 0.5 * (visible - self.visible_bias).square().sum(dim=1) - softened
        return -visible @ self.visible_bias - softened


class BeliefObjective(SupervisedObjective):
    """Contrastive divergence layer by layer (Hinton, Osindero and Teh 2006), then supervised training of all.

    While layer i is pretrained `loss` is its mean squared reconstruction error, which `reconstruction_error_<i>` keeps.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest,
        stages: Sequence[FrozenStage] = (),
    ) -> None:
        assert request.pretraining is not None
        self._plan = request.pretraining
        layers = [getattr(network.to(find_device()), name) for name in self._plan.layers]
        self._machines = [Machine(layer, i == 0 and not request.are_pixels) for i, layer in enumerate(layers)]
        further = {f"machine_{i}": machine.to(find_device()) for i, machine in enumerate(self._machines, start=1)}
        super().__init__(network, optimizer, ranks, request, stages, further)
        self._supervised, self._place = self._descent, len(layers)
        for name, machine in further.items():
            self._descents[f"{name}_optimizer"] = Descent(optimizer, machine.trained, ranks)

    def start_epoch(self, epoch: int) -> None:
        """Turn to the layer whose epochs these are, or to the labels."""
        super().start_epoch(epoch)
        self._place = min((epoch - 1) // self._plan.num_epochs, len(self._machines))
        is_pretraining = self._place < len(self._machines)
        name = f"machine_{self._place + 1}_optimizer"
        self._descent = self._descents[name] if is_pretraining else self._supervised

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        if self._place == len(self._machines):
            return super()._compute_loss(inputs, labels, weights, own_weights)
        machine = self._machines[self._place]
        with torch.no_grad():
            visible = inputs.flatten(1).float() * (PIXEL_SCALE if self._request.are_pixels else 1)
            for below in self._machines[: self._place]:
                visible = torch.sigmoid(below.layer(visible))
            sampled = machine.sample(visible, self._plan.num_steps)
            error = ((visible - sampled).square().mean(dim=1) * weights).sum()
        # Its gradient is that of contrastive divergence (Hinton 2002).
        divergence = ((machine.energy(visible) - machine.energy(sampled)) * weights).sum()
        return divergence, {"loss": error, f"reconstruction_error_{self._place + 1}": error}

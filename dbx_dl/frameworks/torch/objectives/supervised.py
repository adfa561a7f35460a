"""Supervised training of a PyTorch network: the loss of its outputs and the rows' labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.requests import DEFAULT_REQUEST, is_classification
from dbx_dl.frameworks.torch.embeddings import expose_layer
from dbx_dl.frameworks.torch.losses import create_loss
from dbx_dl.frameworks.torch.losses.penalties import sum_penalty
from dbx_dl.frameworks.torch.objectives.gradient import GradientObjective
from dbx_dl.frameworks.torch.precision import compute_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class SupervisedObjective(GradientObjective):
    """The loss of a network's outputs (N, num_outputs), weighted by row, and a penalty on an inner layer where wanted.

    Sums are `loss`, which has the `penalty` in it, and, of classes, `accuracy`, whose weights are those of samples and
    add up to `sample_weight`.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest = DEFAULT_REQUEST,
        stages: Sequence[FrozenStage] = (),
        further: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(network, optimizer, ranks, request, stages, further)
        self.measures = SupervisedMeasures(request)
        self._loss = create_loss(request)
        self._exposed = None if request.penalty is None else expose_layer(network, request.penalty.layer)

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        with compute_in(self._network, self._request.precision):
            outputs, values = (self._network(inputs), None) if self._exposed is None else self._exposed(inputs)
        outputs = outputs.float()
        sums = {"loss": (self._loss(outputs, labels) * weights).sum()}
        if self._request.penalty is not None:
            penalty = sum_penalty(self._request.penalty, values, weights, inputs[0].numel(), self._ranks)
            sums |= {"loss": sums["loss"] + penalty, "penalty": penalty}
        if is_classification(self._request):
            is_correct = outputs.argmax(dim=1) == labels
            sums |= {"sample_weight": own_weights.sum(), "accuracy": (is_correct * own_weights).sum()}
        return sums["loss"], sums

"""What training steps do in PyTorch: one file for each objective, beside what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.frameworks.requests import DEFAULT_REQUEST
from dbx_dl.frameworks.torch.objectives.adversarial import AdversarialObjective
from dbx_dl.frameworks.torch.objectives.belief import BeliefObjective
from dbx_dl.frameworks.torch.objectives.clustering import ClusteringObjective
from dbx_dl.frameworks.torch.objectives.sequences import SequenceObjective
from dbx_dl.frameworks.torch.objectives.supervised import SupervisedObjective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import Objective, ObjectiveRequest, Ranks

__all__ = ["SupervisedObjective", "create_objective"]


def create_objective(
    network: Any,
    optimizer: OptimizerConfig,
    ranks: Ranks,
    request: ObjectiveRequest = DEFAULT_REQUEST,
    stages: Sequence[FrozenStage] = (),
) -> Objective:
    """The objective that the request names; without a request softmax cross-entropy on the network's logits."""
    if request.adversary is not None:
        return AdversarialObjective(network, optimizer, ranks, request, stages)
    if request.task == "sequence":
        return SequenceObjective(network, optimizer, ranks, request, stages)
    if request.clustering is not None:
        return ClusteringObjective(network, optimizer, ranks, request, stages)
    kind = SupervisedObjective if request.pretraining is None else BeliefObjective
    return kind(network, optimizer, ranks, request, stages)

"""Training of a PyTorch network that writes sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.torch.batches import to_tensor
from dbx_dl.frameworks.torch.losses.tokens import compare_tokens
from dbx_dl.frameworks.torch.objectives.gradient import GradientObjective
from dbx_dl.frameworks.torch.precision import compute_exactly, compute_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class SequenceObjective(GradientObjective):
    """Each token is learned with the true ones before it (teacher forcing, Williams and Zipser 1989).

    Predictions, and so metrics, are of what the network writes by itself.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest,
        stages: Sequence[FrozenStage] = (),
    ) -> None:
        super().__init__(network, optimizer, ranks, request, stages)
        self.measures = SupervisedMeasures(request)

    def attend(self, inputs: np.ndarray) -> np.ndarray:
        """Which values of the encoder each step of what is written looks at: shares float32 (N, T, S)."""
        self._network.eval()
        with torch.inference_mode(), compute_exactly():
            return np.asarray(self._network.attend(to_tensor(inputs, self._device)).float().cpu(), np.float32)

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        del own_weights
        with compute_in(self._network, self._request.precision):
            logits = self._network.follow(inputs, labels)
        loss = (compare_tokens(logits.float(), labels) * weights).sum()
        return loss, {"loss": loss}

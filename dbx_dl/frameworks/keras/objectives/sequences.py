"""Training of a Keras network that writes sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from dbx_dl.frameworks.keras.decoder_layers import Writer
from dbx_dl.frameworks.keras.losses.tokens import compare_tokens
from dbx_dl.frameworks.keras.objectives.gradient import GradientObjective
from dbx_dl.frameworks.keras.precision import compute_exactly, compute_in
from dbx_dl.frameworks.measures import SupervisedMeasures

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
        self._writer = Writer(network)

    def attend(self, inputs: np.ndarray) -> np.ndarray:
        """Which values of the encoder each step of what is written looks at: shares float32 (N, T, S)."""
        with compute_exactly():
            return np.asarray(self._writer.attend(tf.convert_to_tensor(inputs)), np.float32)

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        del own_weights
        with compute_in(self._network, self._request.precision):
            logits = self._writer.follow(inputs, labels)
        loss = tf.reduce_sum(compare_tokens(tf.cast(logits, tf.float32), labels) * weights)
        return loss, {"loss": loss}

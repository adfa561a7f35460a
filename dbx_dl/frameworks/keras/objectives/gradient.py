"""Objectives of one loss, whose gradient one optimizer follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.frameworks.keras.batch_norm import synchronize_batch_norm
from dbx_dl.frameworks.keras.batches import to_tensors
from dbx_dl.frameworks.keras.objectives.descent import Descent
from dbx_dl.frameworks.keras.objectives.network import NetworkObjective

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
        trained = [*network.trainable_variables, *also_trained]
        self._descent = Descent(optimizer, trained, ranks, request.precision, stages)
        super().__init__(network, ranks, {"optimizer": self._descent}, further)

    @abstractmethod
    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        """What is minimised, summed over this rank's rows by `weights`; and sums to report, `loss` among them; all 0-d.

        `own_weights` (N,) are those of samples. Penalties that a network's layers add are minimised too.
        """

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step on the global batch; this rank's sums of `weight`, and of what the objective sums up."""
        self._descent.optimizer.set_rate(learning_rate)
        own_weights = tf.convert_to_tensor(batch.sample_weights, tf.float32)
        scale = tf.constant(self._descent.loss_scale.value)
        is_finite, sums = self._step(*to_tensors(batch), own_weights, scale)
        found = {name: float(value) for name, value in sums.items()}
        self._descent.finish_step(len(batch.weights), found["weight"], bool(is_finite))
        return found

    def _compile_step(self) -> None:
        self._step = tf.function(self._compute_step, jit_compile=False)

    def _compute_step(self, inputs: Any, labels: Any, weights: Any, own_weights: Any, scale: Any) -> Any:
        """Whether the gradients were finite, then the step's sums."""
        weight = tf.reduce_sum(weights)
        with tf.GradientTape() as tape:
            loss, sums = self._compute_loss(inputs, labels, weights, own_weights)
            objective = (loss + weight * sum(self._network.losses, tf.zeros(()))) * scale
        gradients = tape.gradient(objective, self._descent.optimizer.trained)
        is_finite = self._descent.follow(gradients, weight, tf.size(weights), scale)
        return is_finite, {"weight": weight, **sums}

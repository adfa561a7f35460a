"""Adversarial training in Keras: a generator and a discriminator, each with an optimizer, take turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dbx_dl.frameworks.keras.batch_norm import synchronize_batch_norm
from dbx_dl.frameworks.keras.batches import to_tensors
from dbx_dl.frameworks.keras.networks import build_network
from dbx_dl.frameworks.keras.objectives.descent import Descent
from dbx_dl.frameworks.keras.objectives.network import NetworkObjective
from dbx_dl.frameworks.keras.precision import compute_in
from dbx_dl.frameworks.measures import SupervisedMeasures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.contracts import Batch
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class Noise(keras.layers.Layer):  # type: ignore[misc]
    """Standard normal numbers; as a layer it keeps the state of its generator where checkpoints find it."""

    def __init__(self) -> None:
        super().__init__()
        self._seeds = keras.random.SeedGenerator()

    def call(self, like: Any) -> Any:
        """As many as `like` has."""
        return keras.random.normal(tf.shape(like), dtype="float32", seed=self._seeds)


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
        self._discriminator, self._noise = build_network(request.adversary), Noise()
        self._generation = Descent(optimizer, network.trainable_variables, ranks, request.precision, stages)
        self._discrimination = Descent(
            optimizer,
            self._discriminator.trainable_variables,
            ranks,
            request.precision,
            label="dbx_dl_discriminator",
        )
        descents = {"optimizer": self._generation, "discriminator_optimizer": self._discrimination}
        super().__init__(network, ranks, descents, {"discriminator": self._discriminator, "noise": self._noise})

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step of both on the global batch; this rank's sums."""
        scales = [tf.constant(descent.loss_scale.value) for descent in (self._discrimination, self._generation)]
        for descent in (self._discrimination, self._generation):
            descent.optimizer.set_rate(learning_rate)
        are_finite, sums = self._step(*to_tensors(batch), *scales)
        found = {name: float(value) for name, value in sums.items()}
        for descent, is_finite in zip((self._discrimination, self._generation), are_finite, strict=True):
            descent.finish_step(len(batch.weights), found["weight"], bool(is_finite))
        return found

    def _compile_step(self) -> None:
        self._step = tf.function(self._compute_step, jit_compile=False)

    def _compute_step(self, like: Any, images: Any, weights: Any, first_scale: Any, second_scale: Any) -> Any:
        """Whether the gradients of discriminator and generator were finite, then the step's sums."""
        weight, num_rows = tf.reduce_sum(weights), tf.size(weights)
        made = self._make(self._noise(like))
        with tf.GradientTape() as tape:
            true_logits, made_logits = self._judge(images), self._judge(made)
            losses = tf.math.softplus(-true_logits) + tf.math.softplus(made_logits)
            discriminator_loss = tf.reduce_sum(losses * weights)
            scaled = discriminator_loss * first_scale
        gradients = tape.gradient(scaled, self._discrimination.optimizer.trained)
        is_first_finite = self._discrimination.follow(gradients, weight, num_rows, first_scale)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.math.softplus(-self._judge(self._make(self._noise(like)))) * weights)
            scaled = loss * second_scale
        gradients = tape.gradient(scaled, self._generation.optimizer.trained)
        is_second_finite = self._generation.follow(gradients, weight, num_rows, second_scale)
        return (is_first_finite, is_second_finite), {
            "weight": weight,
            "loss": loss,
            "discriminator_loss": discriminator_loss,
            "true_share": tf.reduce_sum(tf.sigmoid(true_logits) * weights),
            "made_share": tf.reduce_sum(tf.sigmoid(made_logits) * weights),
        }

    def _make(self, noise: Any) -> Any:
        """Images of noise."""
        with compute_in(self._network, self._precision):
            return tf.sigmoid(tf.cast(self._network(noise, training=True), tf.float32))

    def _judge(self, images: Any) -> Any:
        """Logits (N,) of images being true."""
        with compute_in(self._discriminator, self._precision):
            return tf.cast(self._discriminator(images, training=True), tf.float32)[:, 0]

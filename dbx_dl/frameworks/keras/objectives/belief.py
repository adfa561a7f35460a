"""A deep belief network in Keras: its layers learn what inputs are like, one after the other, and then labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.keras.objectives.descent import Descent
from dbx_dl.frameworks.keras.objectives.supervised import SupervisedObjective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class Machine(keras.layers.Layer):  # type: ignore[misc]
    """A restricted Boltzmann machine of a dense layer, whose weights it shares, and of a bias for each of its inputs.

    Inputs are probabilities of units that are 0 or 1, or, where they are `gaussian`, numbers of variance 1.
    """

    def __init__(self, layer: Any, gaussian: bool) -> None:
        super().__init__()
        self.visible_bias = self.add_weight(shape=(layer.kernel.shape[0],), initializer="zeros", name="visible_bias")
        self._seeds = keras.random.SeedGenerator()
        # Not as a layer of its own: its weights are the network's.
        self._shared, self._is_gaussian = [lambda: layer], gaussian

    @property
    def layer(self) -> Any:
        """The dense layer."""
        return self._shared[0]()

    @property
    def trained(self) -> list[Any]:
        """What a step moves."""
        return [*self.layer.trainable_weights, self.visible_bias]

    def hide(self, visible: Any) -> Any:
        """Logits of hidden units (N, K)."""
        return tf.matmul(visible, self.layer.kernel.value) + self.layer.bias.value

    def sample(self, visible: Any, num_steps: int) -> Any:
        """Inputs (N, D) after Gibbs steps that start at `visible`: hidden units are drawn, inputs are expectations."""
        for _ in range(num_steps):
            probabilities = tf.sigmoid(self.hide(visible))
            drawn = keras.random.uniform(tf.shape(probabilities), seed=self._seeds)
            hidden = tf.cast(drawn < probabilities, tf.float32)
            expected = tf.matmul(hidden, self.layer.kernel.value, transpose_b=True) + self.visible_bias.value
            visible = expected if self._is_gaussian else tf.sigmoid(expected)
        return visible

    def energy(self, visible: Any) -> Any:
        """The free energy (N,) of inputs (N, D), hidden units summed out."""
        softened = tf.reduce_sum(tf.math.softplus(self.hide(visible)), axis=1)
        if self._is_gaussian:
            return 0.5 * tf.reduce_sum(tf.square(visible - self.visible_bias.value), axis=1) - softened
        return -tf.linalg.matvec(visible, self.visible_bias.value) - softened


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
        layers = [network.get_layer(name) for name in self._plan.layers]
        self._machines = [Machine(layer, i == 0 and not request.are_pixels) for i, layer in enumerate(layers)]
        further = {f"machine_{i}": machine for i, machine in enumerate(self._machines, start=1)}
        super().__init__(network, optimizer, ranks, request, stages, further)
        self._supervised, self._place = self._descent, len(layers)
        for name, machine in further.items():
            self._descents[f"{name}_optimizer"] = Descent(optimizer, machine.trained, ranks)

    def start_epoch(self, epoch: int) -> None:
        """Turn to the layer whose epochs these are, or to the labels."""
        super().start_epoch(epoch)
        place = min((epoch - 1) // self._plan.num_epochs, len(self._machines))
        if place == self._place:
            return
        self._place = place
        is_pretraining = place < len(self._machines)
        self._descent = self._descents[f"machine_{place + 1}_optimizer"] if is_pretraining else self._supervised
        self._compile_step()

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        if self._place == len(self._machines):
            return super()._compute_loss(inputs, labels, weights, own_weights)
        machine = self._machines[self._place]
        flat = tf.reshape(tf.cast(inputs, tf.float32), (tf.shape(inputs)[0], machine_width(self._machines[0])))
        visible = flat * PIXEL_SCALE if self._request.are_pixels else flat
        for below in self._machines[: self._place]:
            visible = tf.sigmoid(below.hide(visible))
        visible = tf.stop_gradient(visible)
        sampled = tf.stop_gradient(machine.sample(visible, self._plan.num_steps))
        error = tf.reduce_sum(tf.reduce_mean(tf.square(visible - sampled), axis=1) * weights)
        # Its gradient is that of contrastive divergence (Hinton 2002).
        divergence = tf.reduce_sum((machine.energy(visible) - machine.energy(sampled)) * weights)
        return divergence, {"loss": error, f"reconstruction_error_{self._place + 1}": error}


def machine_width(machine: Machine) -> int:
    """How many inputs it has."""
    return int(machine.visible_bias.shape[0])

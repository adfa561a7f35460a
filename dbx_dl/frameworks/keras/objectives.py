"""Supervised training of a Keras network: one compiled step, prediction, and the state that ranks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from dbx_dl.frameworks.architectures import ADAM_EPSILON
from dbx_dl.frameworks.keras import state
from dbx_dl.frameworks.keras.batches import to_tensors
from dbx_dl.frameworks.keras.distribute import distribute_optimizer
from dbx_dl.frameworks.prediction import predict_in_chunks
from dbx_dl.frameworks.weights import check_weights_fit, keep_fitting, refuse_unreadable, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.contracts import Batch
    from dbx_dl.frameworks.interface import Ranks


class HeavyBallSGD(keras.optimizers.SGD):  # type: ignore[misc]
    """SGD whose velocity sums gradients and is scaled by the present learning rate, as in PyTorch.

    Keras' own folds the learning rate into the velocity, so that the two differ as soon as a schedule changes it.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Velocity = momentum x velocity + gradient; variable -= learning rate x velocity."""
        velocity = ops.cast(gradient, variable.dtype)
        if self.momentum != 0:
            slot = self.momentums[self._get_variable_index(variable)]
            velocity = slot * ops.cast(self.momentum, variable.dtype) + velocity
            self.assign(slot, velocity)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * velocity)


def create_objective(network: Any, optimizer: OptimizerConfig, ranks: Ranks) -> SupervisedObjective:
    """The supervised objective: softmax cross-entropy on the network's logits."""
    return SupervisedObjective(network, optimizer, ranks)


def create_optimizer(config: OptimizerConfig) -> Any:
    """The Keras optimizer that a config describes."""
    if config.name == "adam":
        return keras.optimizers.Adam(config.learning_rate, epsilon=ADAM_EPSILON)
    return HeavyBallSGD(config.learning_rate, momentum=config.momentum)


class SupervisedObjective:
    """Softmax cross-entropy of (N, num_outputs) logits, weighted by row; see `frameworks.interface.Objective`."""

    def __init__(self, network: Any, optimizer: OptimizerConfig, ranks: Ranks) -> None:
        self._network = network
        self._ranks = ranks
        self._optimizer = distribute_optimizer(create_optimizer(optimizer), ranks)
        self._optimizer.build(network.trainable_variables)
        self._step = tf.function(self._compute_step, jit_compile=False)
        self._forward: Any = None

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step on the global batch; this rank's sums of `weight`, `loss` and `accuracy` over its rows.

        Penalties that a network's layers add are minimised too, but are not part of `loss`.
        """
        self._optimizer.learning_rate.assign(learning_rate)
        weight, loss, num_correct = self._step(*to_tensors(batch)).numpy().tolist()
        return {"weight": weight, "loss": loss, "accuracy": num_correct}

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Logits float32 (N, num_outputs) in inference mode; N may be 0."""
        if self._forward is None:
            self._forward = self._compile_forward(tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype))
        return predict_in_chunks(lambda rows: self._forward(tf.convert_to_tensor(rows)).numpy(), inputs)

    def broadcast_state(self) -> None:
        """Give every rank rank 0's weights and optimizer state; dropout noise stays each rank's own."""
        for variable in [*self._network.weights, *self._optimizer.variables]:
            variable.assign(self._ranks.broadcast(ops.convert_to_numpy(variable)))

    def save_weights(self, path: Path) -> None:
        """Write the weights as .npz (no pickles), in the network's order, whole or not at all."""
        with write_whole(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **self._read_weights())

    def load_weights(self, path: Path, *, skip_mismatched: bool = False) -> None:
        """Read weights that `save_weights` wrote; DataError, with nothing loaded, when they do not fit.

        With `skip_mismatched` those that fit are read, and the others stay as they are.
        """
        with refuse_unreadable(path, "a .npz of weights"), np.load(path, allow_pickle=False) as saved:
            found = {name: saved[name] for name in saved.files}
        found = keep_fitting(path, found, self._read_weights()) if skip_mismatched else found
        check_weights_fit(path, found, self._read_weights())
        for name, variable in zip(sorted(found), self._network.weights, strict=True):
            variable.assign(found[name])

    def read_state(self) -> dict[str, np.ndarray]:
        """See `state.read_state`."""
        return state.read_state(self._network, self._optimizer)

    def write_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `state.write_state`."""
        state.write_state(self._network, self._optimizer, arrays)

    def read_noise(self) -> dict[str, np.ndarray]:
        """See `state.read_noise`."""
        return state.read_noise(self._network)

    def write_noise(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `state.write_noise`."""
        state.write_noise(self._network, arrays)

    def _compute_step(self, inputs: Any, labels: Any, weights: Any) -> Any:
        weight = tf.reduce_sum(weights)
        with tf.GradientTape() as tape:
            logits = tf.cast(self._network(inputs, training=True), tf.float32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_sum(losses * weights)
            objective = loss + weight * sum(self._network.losses, tf.zeros(()))
        variables = self._network.trainable_variables
        self._optimizer.apply(tape.gradient(objective, variables), variables, weight)
        is_correct = tf.cast(tf.argmax(logits, axis=1) == labels, tf.float32)
        return tf.stack([weight, loss, tf.reduce_sum(is_correct * weights)])

    def _compile_forward(self, rows: Any) -> Any:
        # The free first dimension lets one trace serve every number of rows.
        return tf.function(
            lambda inputs: self._network(inputs, training=False), input_signature=[rows], jit_compile=False
        )

    def _read_weights(self) -> dict[str, np.ndarray]:
        # Numbered, since Keras' own names depend on what was built in the process before.
        return {f"{index:04d}": ops.convert_to_numpy(value) for index, value in enumerate(self._network.weights)}

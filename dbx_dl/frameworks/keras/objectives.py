"""Supervised training of a Keras network: one compiled step, prediction, and the state that ranks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from keras import ops

from dbx_dl.frameworks.averaging import average_over_ranks
from dbx_dl.frameworks.keras import state
from dbx_dl.frameworks.keras.batch_norm import synchronize_batch_norm
from dbx_dl.frameworks.keras.batches import to_tensors
from dbx_dl.frameworks.keras.distribute import are_finite, reduce_gradients
from dbx_dl.frameworks.keras.losses import create_loss
from dbx_dl.frameworks.keras.optimizers import StagedOptimizer
from dbx_dl.frameworks.keras.precision import compute_exactly, compute_in
from dbx_dl.frameworks.loss_scale import LOSS_SCALE, LossScale
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.prediction import predict_in_chunks
from dbx_dl.frameworks.reduction import PendingBatches, plan_reduction
from dbx_dl.frameworks.requests import DEFAULT_REQUEST, is_classification
from dbx_dl.frameworks.weights import check_weights_fit, keep_fitting, refuse_unreadable
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.contracts import Batch
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


def create_objective(
    network: Any,
    optimizer: OptimizerConfig,
    ranks: Ranks,
    request: ObjectiveRequest = DEFAULT_REQUEST,
    stages: Sequence[FrozenStage] = (),
) -> SupervisedObjective:
    """The supervised objective; without a request softmax cross-entropy on the network's logits."""
    return SupervisedObjective(network, optimizer, ranks, request, stages)


class SupervisedObjective:
    """The loss of a network's outputs (N, num_outputs), weighted by row; see `frameworks.interface.Objective`."""

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest = DEFAULT_REQUEST,
        stages: Sequence[FrozenStage] = (),
    ) -> None:
        if request.sync_batch_norm:
            synchronize_batch_norm(network, ranks)
        self.measures = SupervisedMeasures(request)
        self._network = network
        self._ranks = ranks
        self._request = request
        self._loss = create_loss(request)
        self._loss_scale = LossScale(request.precision)
        self._reduction = plan_reduction(optimizer, ranks)
        self._optimizer = StagedOptimizer(optimizer, network.trainable_variables, stages, ranks)
        self._accumulate_batches = optimizer.accumulate_batches
        self._pending = PendingBatches()
        self._forward: Any = None
        self._compile_steps()

    def start_epoch(self, epoch: int) -> None:
        """Unfreeze what is due; no gradients wait then, since an epoch's end applies them."""
        if self._optimizer.start_epoch(epoch):
            self._compile_steps()

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step on the global batch; this rank's sums of `weight`, `loss` and, of classes, `accuracy`.

        Of the last one the weights are those of samples, which add up to `sample_weight`. Penalties that a network's
        layers add are minimised too, but are not part of `loss`.
        """
        self._optimizer.set_rate(learning_rate)
        own = tf.convert_to_tensor(batch.sample_weights, tf.float32)
        is_finite, *sums = self._step(*to_tensors(batch), own, tf.constant(self._loss_scale.value)).numpy().tolist()
        if self._is_accumulating:
            self._pending.add(len(batch.weights), sums[0])
            if self._pending.num_batches == self._accumulate_batches:
                self._apply_pending()
        else:
            self._loss_scale.update(bool(is_finite))
        return dict(zip(("weight", "loss", "sample_weight", "accuracy"), sums, strict=False))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Logits float32 (N, num_outputs) in inference mode; N may be 0."""
        if self._forward is None:
            self._forward = self._compile_forward(tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype))
        with compute_exactly():
            return predict_in_chunks(lambda rows: self._forward(tf.convert_to_tensor(rows)).numpy(), inputs)

    def synchronize_statistics(self) -> None:
        """Apply what gradients wait for further batches, and average floating-point weights that are not trained."""
        if self._pending.num_batches:
            self._apply_pending()
        variables = [v for v in self._network.non_trainable_weights if "float" in str(v.dtype)]
        if self._ranks.size == 1 or not variables:
            return
        means = average_over_ranks([ops.convert_to_numpy(variable) for variable in variables], self._ranks)
        for variable, mean in zip(variables, means, strict=True):
            variable.assign(mean)

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
        """See `state.read_state`; beside that the loss scale."""
        return state.read_state(self._network, self._optimizer) | {LOSS_SCALE: self._loss_scale.read_state()}

    def write_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `state.write_state`."""
        state.write_state(self._network, self._optimizer, arrays)
        self._loss_scale.restore(arrays[LOSS_SCALE])

    def read_noise(self) -> dict[str, np.ndarray]:
        """See `state.read_noise`."""
        return state.read_noise(self._network)

    def write_noise(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `state.write_noise`."""
        state.write_noise(self._network, arrays)

    def _compute_step(self, inputs: Any, labels: Any, weights: Any, own_weights: Any, scale: Any) -> Any:
        """Whether the gradients were finite, then the step's sums."""
        weight = tf.reduce_sum(weights)
        with tf.GradientTape() as tape, compute_in(self._network, self._request.precision):
            outputs = tf.cast(self._network(inputs, training=True), tf.float32)
            loss = tf.reduce_sum(self._loss(outputs, labels) * weights)
            objective = (loss + weight * sum(self._network.losses, tf.zeros(()))) * scale
        gradients = tape.gradient(objective, self._optimizer.trained)
        is_finite = tf.constant(True)
        if self._is_accumulating:
            for total, gradient in zip(self._gradients, gradients, strict=True):
                if gradient is not None:
                    total.assign_add(tf.convert_to_tensor(gradient))
        else:
            is_finite = self._apply_gradients(gradients, weight, tf.size(weights), scale)
        sums = [tf.cast(is_finite, tf.float32), weight, loss]
        if is_classification(self._request):
            is_correct = tf.cast(tf.argmax(outputs, axis=1) == labels, tf.float32)
            sums += [tf.reduce_sum(own_weights), tf.reduce_sum(is_correct * own_weights)]
        return tf.stack(sums)

    def _compile_forward(self, rows: Any) -> Any:
        # The free first dimension lets one trace serve every number of rows.
        return tf.function(
            lambda inputs: self._network(inputs, training=False), input_signature=[rows], jit_compile=False
        )

    def _read_weights(self) -> dict[str, np.ndarray]:
        # Numbered, since Keras' own names depend on what was built in the process before.
        return {f"{index:04d}": ops.convert_to_numpy(value) for index, value in enumerate(self._network.weights)}

    def _compile_steps(self) -> None:
        """Trace anew what computes and applies the gradients of what is trained at present."""
        trained = self._optimizer.trained
        self._gradients = [tf.Variable(tf.zeros_like(v)) for v in trained] if self._is_accumulating else []
        self._step = tf.function(self._compute_step, jit_compile=False)
        self._apply = tf.function(self._apply_gradients, jit_compile=False)

    @property
    def _is_accumulating(self) -> bool:
        return self._accumulate_batches > 1

    def _apply_gradients(self, gradients: list[Any], weight: Any, num_rows: Any, scale: Any) -> Any:
        """One optimizer step, left out where a scaled loss gave gradients that are not finite; whether they were."""
        variables = self._optimizer.trained
        reduced = reduce_gradients(gradients, variables, self._reduction, weight, num_rows=num_rows, scale=scale)
        if not self._loss_scale.is_active:
            self._optimizer.apply(reduced)
            return tf.constant(True)
        is_finite = are_finite(reduced)

        def apply() -> Any:
            self._optimizer.apply(reduced)
            return tf.constant(True)

        return tf.cond(is_finite, apply, lambda: tf.constant(False))

    def _apply_pending(self) -> None:
        pending, self._pending = self._pending, PendingBatches()
        weight, num_rows = tf.constant(pending.weight), tf.constant(pending.num_rows)
        is_finite = self._apply(self._gradients, weight, num_rows, tf.constant(self._loss_scale.value))
        self._loss_scale.update(bool(is_finite))
        for total in self._gradients:
            total.assign(tf.zeros_like(total))

"""What objectives have in common whatever they learn: a network's outputs, its weights, and what ranks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from keras import ops

from dbx_dl.frameworks.averaging import average_over_ranks
from dbx_dl.frameworks.keras import state
from dbx_dl.frameworks.keras.precision import compute_exactly
from dbx_dl.frameworks.loss_scale import name_scale
from dbx_dl.frameworks.prediction import predict_in_chunks
from dbx_dl.frameworks.weights import check_weights_fit, keep_fitting, refuse_unreadable
from dbx_dl.runtime.array_files import read_arrays, write_arrays
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dbx_dl.frameworks.interface import Ranks
    from dbx_dl.frameworks.keras.objectives.descent import Descent


class NetworkObjective:
    """All of `frameworks.interface.Objective` but the training step and what is measured.

    `descents` are the optimizers by name. `further` are layers or models that are trained beside the network and are no
    part of it: checkpoints keep them, the file of weights does not.
    """

    def __init__(
        self, network: Any, ranks: Ranks, descents: Mapping[str, Descent], further: Mapping[str, Any] | None = None
    ) -> None:
        self._network = network
        self._ranks = ranks
        self._descents = dict(descents)
        self._parts = {"network": network, **(further or {})}
        self._forward: Any = None
        self._compile_step()

    def start_epoch(self, epoch: int) -> None:
        """Unfreeze what is due."""
        are_changed = [descent.start_epoch(epoch) for descent in self._descents.values()]
        if any(are_changed):
            self._compile_step()

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """The network's outputs float32 (N, num_outputs) in inference mode; N may be 0."""
        if self._forward is None:
            # Texts and numbers by step come in several lengths; a network that wants one says so.
            is_sequence = (inputs.dtype == np.int32 or inputs.ndim == 3) and hasattr(self._network, "input_shape")
            row_shape = self._network.input_shape[1:] if is_sequence else inputs.shape[1:]
            self._forward = self._compile_forward(tf.TensorSpec((None, *row_shape), inputs.dtype))
        with compute_exactly():
            return predict_in_chunks(lambda rows: self._forward(tf.convert_to_tensor(rows)).numpy(), inputs)

    def synchronize_statistics(self) -> None:
        """Apply what gradients wait for further batches, and average floating-point weights that are not trained."""
        for descent in self._descents.values():
            descent.flush()
        kept = [variable for part in self._parts.values() for variable in part.non_trainable_weights]
        variables = [variable for variable in kept if "float" in str(variable.dtype)]
        if self._ranks.size == 1 or not variables:
            return
        means = average_over_ranks([ops.convert_to_numpy(variable) for variable in variables], self._ranks)
        for variable, mean in zip(variables, means, strict=True):
            variable.assign(mean)

    def broadcast_state(self) -> None:
        """Give every rank rank 0's weights and optimizer state; dropout noise stays each rank's own."""
        weights = [variable for part in self._parts.values() for variable in part.weights]
        slots = [variable for descent in self._descents.values() for variable in descent.optimizer.variables]
        for variable in [*weights, *slots]:
            variable.assign(self._ranks.broadcast(ops.convert_to_numpy(variable)))

    def save_weights(self, path: Path) -> None:
        """Write the network's weights as .npz (no pickles), in its order, whole or not at all."""
        with write_whole(path) as partial, partial.open("wb") as file:
            write_arrays(file, self._read_weights())

    def load_weights(self, path: Path, *, skip_mismatched: bool = False) -> None:
        """Read weights that `save_weights` wrote; DataError, with nothing loaded, when they do not fit.

        With `skip_mismatched` those that fit are read, and the others stay as they are.
        """
        with refuse_unreadable(path, "a .npz of weights"):
            found = read_arrays(path)
        found = keep_fitting(path, found, self._read_weights()) if skip_mismatched else found
        check_weights_fit(path, found, self._read_weights())
        for name, variable in zip(sorted(found), self._network.weights, strict=True):
            variable.assign(found[name])

    def read_state(self) -> dict[str, np.ndarray]:
        """See `state.read_state`; beside that the loss scales."""
        scales = {name_scale(name): descent.loss_scale.read_state() for name, descent in self._descents.items()}
        return state.read_state(self._parts, self._list_optimizers()) | scales

    def write_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `state.write_state`."""
        state.write_state(self._parts, self._list_optimizers(), arrays)
        for name, descent in self._descents.items():
            descent.loss_scale.restore(arrays[name_scale(name)])

    def read_noise(self) -> dict[str, np.ndarray]:
        """See `state.read_noise`."""
        return state.read_noise(self._parts)

    def write_noise(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `state.write_noise`."""
        state.write_noise(self._parts, arrays)

    def _compile_step(self) -> None:
        """Trace the step anew, of what is trained at present."""
        raise NotImplementedError

    def _compile_forward(self, rows: Any) -> Any:
        # The free first dimension lets one trace serve every number of rows.
        return tf.function(
            lambda inputs: self._network(inputs, training=False), input_signature=[rows], jit_compile=False
        )

    def _list_optimizers(self) -> dict[str, Any]:
        return {name: descent.optimizer for name, descent in self._descents.items()}

    def _read_weights(self) -> dict[str, np.ndarray]:
        # Numbered, since Keras' own names depend on what was built in the process before.
        return {f"{index:04d}": ops.convert_to_numpy(value) for index, value in enumerate(self._network.weights)}

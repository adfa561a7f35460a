"""What objectives have in common whatever they learn: a network's outputs, its weights, and what ranks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from dbx_dl.errors import DataError
from dbx_dl.frameworks.averaging import average_over_ranks
from dbx_dl.frameworks.loss_scale import name_scale
from dbx_dl.frameworks.prediction import predict_in_chunks
from dbx_dl.frameworks.torch import state
from dbx_dl.frameworks.torch.batches import to_tensor
from dbx_dl.frameworks.torch.precision import compute_exactly
from dbx_dl.frameworks.weights import check_weights_fit, keep_fitting, refuse_unreadable
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dbx_dl.frameworks.interface import Ranks
    from dbx_dl.frameworks.torch.objectives.descent import Descent


class NetworkObjective:
    """All of `frameworks.interface.Objective` but the training step and what is measured.

    `descents` are the optimizers by name. `further` are modules that are trained beside the network and are no part of
    it: checkpoints keep them, the file of weights does not.
    """

    def __init__(
        self, network: Any, ranks: Ranks, descents: Mapping[str, Descent], further: Mapping[str, Any] | None = None
    ) -> None:
        self._network = network
        self._ranks = ranks
        self._descents = dict(descents)
        self._parts = {"network": network, **(further or {})}

    def start_epoch(self, epoch: int) -> None:
        """Unfreeze what is due."""
        for descent in self._descents.values():
            descent.start_epoch(epoch)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """The network's outputs float32 (N, num_outputs) in inference mode; N may be 0."""
        device = find_device()
        self._network.eval()
        with torch.inference_mode(), compute_exactly():
            return predict_in_chunks(lambda rows: self._network(to_tensor(rows, device)).float().cpu().numpy(), inputs)

    def synchronize_statistics(self) -> None:
        """Apply what gradients wait for further batches, and average floating-point buffers over ranks."""
        for descent in self._descents.values():
            descent.flush()
        buffers = [buffer for part in self._parts.values() for buffer in part.buffers() if buffer.is_floating_point()]
        if self._ranks.size == 1 or not buffers:
            return
        means = average_over_ranks([buffer.detach().cpu().double().numpy() for buffer in buffers], self._ranks)
        for buffer, mean in zip(buffers, means, strict=True):
            buffer.copy_(to_tensor(mean))

    def broadcast_state(self) -> None:
        """Give every rank rank 0's weights and optimizer state; dropout noise stays each rank's own.

        DataError when ranks hold different optimizer states, as when only some of them loaded a checkpoint.
        """
        states = [kept for descent in self._descents.values() for kept in descent.optimizer.state.values()]
        slots = [slot for kept in states for slot in kept.values() if torch.is_tensor(slot)]
        if self._ranks.sum(np.array([len(slots)]))[0] != len(slots) * self._ranks.size:
            raise DataError("ranks hold different optimizer states: load the same checkpoint on every rank")
        weights = [weight for part in self._parts.values() for weight in part.state_dict().values()]
        for tensor in [*weights, *slots]:
            tensor.copy_(torch.from_numpy(self._ranks.broadcast(tensor.detach().cpu().numpy())))

    def save_weights(self, path: Path) -> None:
        """Write the network's weights as safetensors, whole or not at all."""
        with write_whole(path) as partial:
            save_file(self._read_weights(), str(partial))

    def load_weights(self, path: Path, *, skip_mismatched: bool = False) -> None:
        """Read weights that `save_weights` wrote; DataError, with nothing loaded, when they do not fit.

        With `skip_mismatched` those that fit are read, and the others stay as they are.
        """
        with refuse_unreadable(path, "a safetensors file of weights"):
            found = load_file(str(path))
        found = keep_fitting(path, found, self._read_weights()) if skip_mismatched else found
        check_weights_fit(path, found, self._read_weights())
        self._network.load_state_dict({name: to_tensor(array) for name, array in found.items()})

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
        return state.read_noise()

    def write_noise(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `state.write_noise`."""
        state.write_noise(arrays)

    def _list_optimizers(self) -> dict[str, Any]:
        return {name: descent.optimizer for name, descent in self._descents.items()}

    def _read_weights(self) -> dict[str, np.ndarray]:
        # Copies in C order: safetensors writes an array's memory, whatever its strides say.
        weights = self._network.state_dict()
        return {name: np.array(tensor.detach().cpu().numpy(), order="C") for name, tensor in weights.items()}


def find_device() -> Any:
    """Where networks are trained: this rank's GPU where there is one."""
    return torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")

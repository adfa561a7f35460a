"""Supervised training of a PyTorch network: one step, prediction, and the state that ranks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch.nn import functional

from dbx_dl.errors import DataError
from dbx_dl.frameworks.architectures import ADAM_EPSILON
from dbx_dl.frameworks.prediction import predict_in_chunks
from dbx_dl.frameworks.torch import state
from dbx_dl.frameworks.torch.batches import to_tensor, to_tensors
from dbx_dl.frameworks.torch.distribute import distribute_optimizer
from dbx_dl.frameworks.weights import check_weights_fit, keep_fitting, refuse_unreadable, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.contracts import Batch
    from dbx_dl.frameworks.interface import Ranks


def create_objective(network: Any, optimizer: OptimizerConfig, ranks: Ranks) -> SupervisedObjective:
    """The supervised objective: softmax cross-entropy on the network's logits."""
    return SupervisedObjective(network, optimizer, ranks)


def create_optimizer(config: OptimizerConfig, parameters: list[Any]) -> Any:
    """The PyTorch optimizer that a config describes."""
    if config.name == "adam":
        return torch.optim.Adam(parameters, lr=config.learning_rate, eps=ADAM_EPSILON)
    return torch.optim.SGD(parameters, lr=config.learning_rate, momentum=config.momentum)


class SupervisedObjective:
    """Softmax cross-entropy of (N, num_outputs) logits, weighted by row; see `frameworks.interface.Objective`."""

    def __init__(self, network: Any, optimizer: OptimizerConfig, ranks: Ranks) -> None:
        self._device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
        self._network = network.to(self._device)
        self._ranks = ranks
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._optimizer = distribute_optimizer(create_optimizer(optimizer, parameters), ranks)

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step on the global batch; this rank's sums of `weight`, `loss` and `accuracy` over its rows."""
        inputs, labels, weights = to_tensors(batch, self._device)
        self._network.train()
        self._optimizer.zero_grad(set_to_none=True)
        logits = self._network(inputs).float()
        loss = (functional.cross_entropy(logits, labels, reduction="none") * weights).sum()
        loss.backward()
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        weight = weights.sum().item()
        self._optimizer.step(weight=weight)
        num_correct = ((logits.argmax(dim=1) == labels) * weights).sum()
        return {"weight": weight, "loss": loss.item(), "accuracy": num_correct.item()}

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Logits float32 (N, num_outputs) in inference mode; N may be 0."""
        self._network.eval()
        with torch.inference_mode():
            return predict_in_chunks(
                lambda rows: self._network(to_tensor(rows, self._device)).float().cpu().numpy(), inputs
            )

    def broadcast_state(self) -> None:
        """Give every rank rank 0's weights and optimizer state; dropout noise stays each rank's own.

        DataError when ranks hold different optimizer states, as when only some of them loaded a checkpoint.
        """
        slots = [slot for state in self._optimizer.state.values() for slot in state.values() if torch.is_tensor(slot)]
        if self._ranks.sum(np.array([len(slots)]))[0] != len(slots) * self._ranks.size:
            raise DataError("ranks hold different optimizer states: load the same checkpoint on every rank")
        for tensor in [*self._network.state_dict().values(), *slots]:
            tensor.copy_(torch.from_numpy(self._ranks.broadcast(tensor.detach().cpu().numpy())))

    def save_weights(self, path: Path) -> None:
        """Write the weights as safetensors, whole or not at all."""
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

    def _read_weights(self) -> dict[str, np.ndarray]:
        # Copies in C order: safetensors writes an array's memory, whatever its strides say.
        state = self._network.state_dict()
        return {name: np.array(tensor.detach().cpu().numpy(), order="C") for name, tensor in state.items()}

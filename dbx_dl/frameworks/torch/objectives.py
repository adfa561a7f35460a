"""Supervised training of a PyTorch network: one step, prediction, and the state that ranks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from dbx_dl.errors import DataError
from dbx_dl.frameworks.averaging import average_over_ranks
from dbx_dl.frameworks.freezing import Unfreezing
from dbx_dl.frameworks.loss_scale import LOSS_SCALE, LossScale
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.prediction import predict_in_chunks
from dbx_dl.frameworks.reduction import PendingBatches, plan_reduction
from dbx_dl.frameworks.requests import DEFAULT_REQUEST, is_classification
from dbx_dl.frameworks.torch import state
from dbx_dl.frameworks.torch.batch_norm import synchronize_batch_norm
from dbx_dl.frameworks.torch.batches import to_tensor, to_tensors
from dbx_dl.frameworks.torch.distribute import are_finite, list_trained, reduce_gradients
from dbx_dl.frameworks.torch.losses import create_loss
from dbx_dl.frameworks.torch.optimizers import create_optimizer, decay_weights
from dbx_dl.frameworks.torch.precision import compute_exactly, compute_in
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
        self._device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
        self._network = network.to(self._device)
        self._ranks = ranks
        self._request = request
        self._config = optimizer
        self._loss = create_loss(request)
        self._loss_scale = LossScale(request.precision)
        self._reduction = plan_reduction(optimizer, ranks)
        trained = [p for p in network.parameters() if p.requires_grad]
        self._optimizer = create_optimizer(optimizer, [trained, *(list(stage.weights) for stage in stages)])
        self._unfreezing = Unfreezing(stages, optimizer, ranks)
        self._pending = PendingBatches()

    def start_epoch(self, epoch: int) -> None:
        """Unfreeze what is due; its state in the optimizer begins with its first gradient."""
        self._unfreezing.start_epoch(epoch)

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step on the global batch; this rank's sums of `weight`, `loss` and, of classes, `accuracy`.

        Of the last one the weights are those of samples, which add up to `sample_weight`.
        """
        inputs, labels, weights = to_tensors(batch, self._device)
        self._network.train()
        if not self._pending.num_batches:
            self._optimizer.zero_grad(set_to_none=True)
        with compute_in(self._network, self._request.precision):
            outputs = self._network(inputs).float()
        loss = (self._loss(outputs, labels) * weights).sum()
        (loss * self._loss_scale.value).backward()
        for group, factor in zip(self._optimizer.param_groups, self._unfreezing.rate_factors, strict=True):
            group["lr"] = learning_rate * factor
        sums = {"weight": weights.sum().item(), "loss": loss.item()}
        self._pending.add(len(weights), sums["weight"])
        if self._pending.num_batches == self._config.accumulate_batches:
            self._apply_pending()
        if is_classification(self._request):
            own = weights if batch.sample_weights is batch.weights else to_tensor(batch.sample_weights, self._device)
            sums["sample_weight"] = own.sum().item()
            sums["accuracy"] = ((outputs.argmax(dim=1) == labels) * own).sum().item()
        return sums

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Logits float32 (N, num_outputs) in inference mode; N may be 0."""
        self._network.eval()
        with torch.inference_mode(), compute_exactly():
            return predict_in_chunks(
                lambda rows: self._network(to_tensor(rows, self._device)).float().cpu().numpy(), inputs
            )

    def synchronize_statistics(self) -> None:
        """Apply what gradients wait for further batches, and average floating-point buffers over ranks."""
        if self._pending.num_batches:
            self._apply_pending()
        buffers = [buffer for buffer in self._network.buffers() if buffer.is_floating_point()]
        if self._ranks.size == 1 or not buffers:
            return
        means = average_over_ranks([buffer.detach().cpu().double().numpy() for buffer in buffers], self._ranks)
        for buffer, mean in zip(buffers, means, strict=True):
            buffer.copy_(to_tensor(mean))

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

    def _read_weights(self) -> dict[str, np.ndarray]:
        # Copies in C order: safetensors writes an array's memory, whatever its strides say.
        state = self._network.state_dict()
        return {name: np.array(tensor.detach().cpu().numpy(), order="C") for name, tensor in state.items()}

    def _apply_pending(self) -> None:
        parameters, pending, scale = list_trained(self._optimizer), self._pending, self._loss_scale.value
        self._pending = PendingBatches()
        reduce_gradients(parameters, self._reduction, pending.weight, num_rows=pending.num_rows, scale=scale)
        is_finite = not self._loss_scale.is_active or are_finite(parameters)
        self._loss_scale.update(is_finite)
        if is_finite:
            decay_weights(self._optimizer, self._config.decay_of_weights)
            self._optimizer.step()

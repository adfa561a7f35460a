"""Join the ranks' group with Horovod's binding or torch's own, and make an optimizer reduce gradients over ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.horovod_ranks import HorovodRanks, import_binding, join_group
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.frameworks.torch.process_group import ProcessGroupRanks, join_process_group
from dbx_dl.runtime.ranks import TORCH_DDP

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Ranks
    from dbx_dl.runtime.ranks import RankPlace

_BINDING = "horovod.torch"


def connect_ranks(place: RankPlace) -> Ranks:
    """Join the group that `place` describes; SetupError when Horovod is absent or lacks PyTorch's binding."""
    if place.size == 1:
        return SingleRank()
    if torch.cuda.is_available():
        torch.cuda.set_device(place.local_rank % torch.cuda.device_count())
    if place.backend == TORCH_DDP:
        return join_process_group(place)
    binding = join_group(_BINDING, place)
    return HorovodRanks(binding, torch.from_numpy, lambda tensor: tensor.numpy())


def distribute_optimizer(optimizer: Any, ranks: Ranks) -> Any:
    """`optimizer` itself, whose `step` from now on first reduces the gradients over all ranks.

    `step()` averages over ranks. `step(weight=w)` takes the gradients of this rank's summed loss and the sum of its
    rows' weights, and divides the global sum by the global weight: exact when ranks have different weights.

    A parameter without a gradient here takes part with zeros when another rank has one for it; without one anywhere it
    is left alone. `state_dict` is the plain optimizer's. ConfigError for a step with a closure, whose gradients
    come too late.
    """

    def reduce_first(_: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any]:
        options = dict(options)
        weight = options.pop("weight", None)
        if len(arguments) > 1 or options.get("closure") is not None:
            raise ConfigError("an optimizer's step with a closure cannot be distributed: compute the gradients before")
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        with torch.no_grad():
            _reduce(parameters, weight, ranks)
        return arguments, options

    optimizer.register_step_pre_hook(reduce_first)
    return optimizer


def _reduce(parameters: list[Any], weight: Any, ranks: Ranks) -> None:
    has_gradient = [parameter.grad is not None for parameter in parameters]
    gradients = [_to_dense(parameter) for parameter in parameters]
    # Beside the gradients: the weight, and how many ranks have a gradient for each parameter.
    tallies = torch.tensor([1.0 if weight is None else float(weight), *map(float, has_gradient)])
    *sums, tallies = _sum_over_ranks([*gradients, tallies], ranks)
    total, *num_having = tallies.tolist()
    for parameter, gradient, having in zip(parameters, sums, num_having, strict=True):
        parameter.grad = None if having == 0 else gradient.mul_(1 / total if total else 0.0)


def _sum_over_ranks(tensors: list[Any], ranks: Ranks) -> list[Any]:
    if ranks.size == 1:
        return tensors
    if isinstance(ranks, ProcessGroupRanks):
        return ranks.sum_tensors(tensors)
    binding = import_binding(_BINDING)
    # A build without NCCL reduces on the CPU only.
    buffers = tensors if binding.nccl_built() else [tensor.cpu() for tensor in tensors]
    reduced = binding.grouped_allreduce_(buffers, op=binding.Sum, name="dbx_dl_gradients")
    return [result.to(tensor.device) for result, tensor in zip(reduced, tensors, strict=True)]


def _to_dense(parameter: Any) -> Any:
    gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    gradient = gradient.to_dense() if gradient.is_sparse else gradient
    return gradient.contiguous()

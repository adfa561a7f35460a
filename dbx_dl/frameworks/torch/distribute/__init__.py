"""Join the ranks' group with Horovod's binding or torch's own, and make an optimizer reduce gradients over ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.horovod_ranks import HorovodRanks, import_binding, join_group
from dbx_dl.frameworks.reduction import Reduction
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.frameworks.torch.distribute.process_group import ProcessGroupRanks, join_process_group
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

    reduction = Reduction(ranks)

    def reduce_first(_: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any]:
        options = dict(options)
        weight = options.pop("weight", None)
        if len(arguments) > 1 or options.get("closure") is not None:
            raise ConfigError("an optimizer's step with a closure cannot be distributed: compute the gradients before")
        reduce_gradients(list_trained(optimizer), reduction, 1.0 if weight is None else float(weight))
        return arguments, options

    optimizer.register_step_pre_hook(reduce_first)
    return optimizer


def list_trained(optimizer: Any) -> list[Any]:
    """The parameters that an optimizer trains, in its order."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]


@torch.no_grad()  # type: ignore[untyped-decorator]
def reduce_gradients(
    parameters: list[Any], reduction: Reduction, weight: float, *, num_rows: int = 1, scale: float = 1.0
) -> None:
    """Replace each parameter's `grad`, of this rank's summed loss times `scale`, by the clipped global average.

    `weight` is the sum of this rank's rows' weights, `num_rows` their number with padding, the same on every rank.
    """
    has_gradient = [parameter.grad is not None for parameter in parameters]
    gradients = [_to_dense(parameter) for parameter in parameters]
    # Beside the gradients: the weight, and how many ranks have a gradient for each parameter.
    tallies = torch.tensor([weight, *map(float, has_gradient)])
    if reduction.compression == "none":
        *gradients, tallies = sum_over_ranks([*gradients, tallies], reduction.ranks, f"{reduction.label}_gradients")
    else:
        gradients = _SUMS_OF_HALVES[reduction.compression](gradients, reduction, num_rows)
        (tallies,) = sum_over_ranks([tallies], reduction.ranks, f"{reduction.label}_tallies")
    total, *num_having = tallies.tolist()
    for parameter, gradient, having in zip(parameters, gradients, num_having, strict=True):
        parameter.grad = None if having == 0 else gradient.mul_(1 / (total * scale) if total else 0.0)
    _clip([parameter.grad for parameter in parameters if parameter.grad is not None], reduction)


def are_finite(parameters: list[Any]) -> bool:
    """Whether no gradient holds an infinity or NaN."""
    sums = [parameter.grad.sum() for parameter in parameters if parameter.grad is not None]
    return not sums or bool(torch.isfinite(torch.stack(sums)).all())


def sum_over_ranks(tensors: list[Any], ranks: Ranks, name: str) -> list[Any]:
    """The sums over all ranks, in one collective of that name; the tensors themselves may be overwritten.

    Each sum lies where its tensor does; tensors on several devices may come together.
    """
    if ranks.size == 1:
        return tensors
    if isinstance(ranks, ProcessGroupRanks):
        return ranks.sum_tensors(tensors)
    binding = import_binding(_BINDING)
    # Horovod takes the tensors of a group from one device only, and without NCCL that is the CPU.
    device = tensors[0].device if binding.nccl_built() else torch.device("cpu")
    buffers = [tensor.to(device) for tensor in tensors]
    reduced = binding.grouped_allreduce_(buffers, op=binding.Sum, name=name)
    return [result.to(tensor.device) for result, tensor in zip(reduced, tensors, strict=True)]


class SumOverRanks(torch.autograd.Function):  # type: ignore[misc]
    """A sum over ranks; since every rank's loss depends on it, its gradient is the sum of the ranks' gradients."""

    @staticmethod
    def forward(context: Any, values: Any, ranks: Ranks, name: str) -> Any:
        context.ranks, context.name = ranks, name
        return sum_over_ranks([values.clone()], ranks, name)[0]

    @staticmethod
    def backward(context: Any, gradient: Any) -> Any:
        name = f"{context.name}_gradient"
        return sum_over_ranks([gradient.clone()], context.ranks, name)[0], None, None


def _sum_float16(gradients: list[Any], reduction: Reduction, num_rows: int) -> list[Any]:
    factor = 1 / (reduction.ranks.size * num_rows)
    sent = [(gradient * factor).to(torch.float16) for gradient in gradients]
    received = sum_over_ranks(sent, reduction.ranks, f"{reduction.label}_float16_gradients")
    return [half.to(full.dtype).div_(factor) for half, full in zip(received, gradients, strict=True)]


def _sum_bfloat16(gradients: list[Any], reduction: Reduction, num_rows: int) -> list[Any]:
    del num_rows
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    # As bytes, since NumPy knows no bfloat16.
    sent = flat.to(torch.bfloat16).view(torch.uint8).cpu().numpy()
    received = torch.from_numpy(reduction.ranks.gather_rows(sent)).to(flat.device).view(torch.bfloat16)
    sums = received.view(reduction.ranks.size, -1).to(flat.dtype).sum(0)
    parts = sums.split([gradient.numel() for gradient in gradients])
    return [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]


_SUMS_OF_HALVES = {"fp16": _sum_float16, "bf16": _sum_bfloat16}


def _clip(gradients: list[Any], reduction: Reduction) -> None:
    if reduction.clip_value is not None:
        for gradient in gradients:
            gradient.clamp_(-reduction.clip_value, reduction.clip_value)
    if reduction.clip_norm is not None and gradients:
        norm = torch.nn.utils.get_total_norm(gradients)
        torch._foreach_mul_(gradients, reduction.clip_norm / torch.clamp(norm, min=reduction.clip_norm))


def _to_dense(parameter: Any) -> Any:
    gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    gradient = gradient.to_dense() if gradient.is_sparse else gradient
    return gradient.contiguous()

"""Freeze layers of a PyTorch network by name, and let them train again later."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from torch.nn.modules.batchnorm import _BatchNorm

from dbx_dl.frameworks.freezing import FrozenStage, choose_frozen, plan_stages, require_trainable

if TYPE_CHECKING:
    from dbx_dl.config import UnfreezeConfig


def freeze_network(
    network: Any, patterns: Sequence[str], stages: Sequence[UnfreezeConfig] = ()
) -> tuple[FrozenStage, ...]:
    """Freeze the modules whose name matches a pattern, with all inside; call before an optimizer is made.

    Frozen batch-norm normalises with its moving statistics and leaves them as they are, until a stage unfreezes it.
    Returns the stages for `create_objective`. ConfigError for a pattern that matches no module with parameters, or
    when nothing is left to train; for stages see `freezing.plan_stages`.
    """
    modules = {
        name: module for name, module in network.named_modules() if name and any(True for _ in module.parameters())
    }
    before = {id(parameter) for parameter in network.parameters() if parameter.requires_grad}
    hooks: dict[int, Any] = {}
    for name in choose_frozen(modules, patterns):
        modules[name].requires_grad_(False)
        for inner in modules[name].modules():
            if isinstance(inner, _BatchNorm) and id(inner) not in hooks:
                hooks[id(inner)] = inner.register_forward_pre_hook(_use_moving_statistics)
    require_trainable(sum(parameter.requires_grad for parameter in network.parameters()), patterns)
    frozen = {
        name: [p for p in module.parameters() if id(p) in before and not p.requires_grad]
        for name, module in modules.items()
    }
    planned = plan_stages({name: weights for name, weights in frozen.items() if weights}, stages)
    return tuple(
        FrozenStage(stage, weights, partial(_unfreeze, weights, _hooks_of([modules[name] for name in names], hooks)))
        for stage, names, weights in planned
    )


def _hooks_of(modules: list[Any], hooks: dict[int, Any]) -> list[Any]:
    return [hooks[id(inner)] for module in modules for inner in module.modules() if id(inner) in hooks]


def _unfreeze(weights: Sequence[Any], hooks: Sequence[Any]) -> None:
    for weight in weights:
        weight.requires_grad_(True)
    for hook in hooks:
        hook.remove()


def _use_moving_statistics(module: Any, inputs: Any) -> None:
    # Training steps put the whole network into training mode.
    del inputs
    module.eval()

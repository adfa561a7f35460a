"""Freeze layers of a PyTorch network by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from dbx_dl.frameworks.freezing import choose_frozen, require_trainable


def freeze_network(network: Any, patterns: Sequence[str]) -> None:
    """Freeze the modules whose name matches a pattern, with all inside; call before an optimizer is made.

    Frozen batch-norm normalises with its moving statistics and leaves them as they are. ConfigError for a pattern that
    matches no module with parameters, or when nothing is left to train.
    """
    modules = {
        name: module for name, module in network.named_modules() if name and any(True for _ in module.parameters())
    }
    for name in choose_frozen(modules, patterns):
        modules[name].requires_grad_(False)
        for inner in modules[name].modules():
            if isinstance(inner, _BatchNorm):
                inner.register_forward_pre_hook(_use_moving_statistics)
    require_trainable(sum(parameter.requires_grad for parameter in network.parameters()), patterns)


def _use_moving_statistics(module: Any, inputs: Any) -> None:
    # Training steps put the whole network into training mode.
    del inputs
    module.eval()

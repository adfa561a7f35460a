"""Optimizers by name, with the mathematics that they have in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from dbx_dl.frameworks.optimizers import ADAGRAD_START, ADAM_EPSILON, RMSPROP_DISCOUNT, RMSPROP_EPSILON

if TYPE_CHECKING:
    from dbx_dl.config import OptimizerConfig


def create_optimizer(config: OptimizerConfig, groups: list[list[Any]]) -> Any:
    """The PyTorch optimizer of groups of parameters that a config describes, its weight decay apart.

    Groups may get learning rates of their own. For weight decay see `decay_weights`.

    One difference to Keras remains: Adam adds epsilon (1e-7) to the root of the corrected second moment, Keras to that
    of the uncorrected one, as in section 2 of Kingma and Ba, "Adam", 2015. It shows where gradients are tiny.
    """
    return OPTIMIZERS[config.name](config, [{"params": group} for group in groups])


def decay_weights(optimizer: Any, decay: float) -> None:
    """Multiply weights that have a gradient by 1 - learning rate x decay, apart from the gradient.

    After Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """
    if not decay:
        return
    with torch.no_grad():
        for group in optimizer.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            # A group that is frozen yet has none.
            if weights:
                torch._foreach_mul_(weights, 1 - group["lr"] * decay)


def _create_adam(config: OptimizerConfig, groups: list[Any]) -> Any:
    return torch.optim.Adam(groups, lr=config.learning_rate, eps=ADAM_EPSILON)


def _create_sgd(config: OptimizerConfig, groups: list[Any]) -> Any:
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.nesterov)


def _create_rmsprop(config: OptimizerConfig, groups: list[Any]) -> Any:
    return torch.optim.RMSprop(
        groups, lr=config.learning_rate, alpha=RMSPROP_DISCOUNT, eps=RMSPROP_EPSILON, momentum=config.momentum
    )


def _create_adagrad(config: OptimizerConfig, groups: list[Any]) -> Any:
    return torch.optim.Adagrad(groups, lr=config.learning_rate, initial_accumulator_value=ADAGRAD_START, eps=0.0)


OPTIMIZERS: dict[str, Callable[[OptimizerConfig, list[Any]], Any]] = {
    "adam": _create_adam,
    "adamw": _create_adam,
    "sgd": _create_sgd,
    "rmsprop": _create_rmsprop,
    "adagrad": _create_adagrad,
}

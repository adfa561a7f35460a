"""The activation functions of `frameworks.activations` as PyTorch modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Step(nn.Module):  # type: ignore[misc]
    """unit_step or sign, with the gradient of a straight line where |z| <= 1; see `frameworks.activations`."""

    def __init__(self, is_unit: bool) -> None:
        super().__init__()
        self._is_unit = is_unit

    def forward(self, values: Any) -> Any:
        """The step; in training plus a 0 that brings the gradient."""
        steps = (torch.sign(values) + 1) * 0.5 if self._is_unit else torch.sign(values)
        if not self.training:
            return steps
        line = values.clamp(-1, 1) * (0.5 if self._is_unit else 1.0)
        return steps.detach() + (line - line.detach())


class PiecewiseLinear(nn.Module):  # type: ignore[misc]
    """0 below -1/2, z + 1/2, 1 above 1/2."""

    def forward(self, values: Any) -> Any:
        """Of every entry."""
        return (values + 0.5).clamp(0, 1)


ACTIVATIONS: dict[str, Callable[[], Any]] = {
    "unit_step": lambda: Step(is_unit=True),
    "sign": lambda: Step(is_unit=False),
    "linear": nn.Identity,
    "piecewise_linear": PiecewiseLinear,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
}


def create_activation(activation: str) -> Any:
    """A module that applies an activation function, by its name, to every entry."""
    return ACTIVATIONS[activation]()

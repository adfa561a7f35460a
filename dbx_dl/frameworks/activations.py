"""The activation functions by their names, and what each computes: the reference that every framework follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

ActivationName = Literal["unit_step", "sign", "linear", "piecewise_linear", "logistic", "tanh", "relu", "softplus"]
Numbers = NDArray[np.float64]
Function = Callable[[Numbers], Numbers]


@dataclass(frozen=True)
class ActivationFunction:
    """A function of every entry, and the gradient that training uses of it, both on float64 arrays of any shape."""

    formula: str
    apply: Function
    gradient: Function


def _logistic(z: Numbers) -> Numbers:
    # Each side by the exponential that cannot overflow.
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def _is_within(z: Numbers, bound: float) -> Numbers:
    return (np.abs(z) <= bound).astype(np.float64)


# The gradients of the two step functions are 0 wherever they exist: training takes those of a straight line in their
# place where |z| <= 1 (straight-through estimator: Bengio, Leonard and Courville 2013, arXiv:1308.3432; cut off beyond
# 1 as in Hubara et al. 2016, arXiv:1602.02830).
ACTIVATIONS: dict[ActivationName, ActivationFunction] = {
    "unit_step": ActivationFunction(
        "0 below 0, 1/2 at 0, 1 above", lambda z: (np.sign(z) + 1) / 2, lambda z: _is_within(z, 1) / 2
    ),
    "sign": ActivationFunction("-1 below 0, 0 at 0, 1 above", np.sign, lambda z: _is_within(z, 1)),
    "linear": ActivationFunction("z", lambda z: z, np.ones_like),
    "piecewise_linear": ActivationFunction(
        "0 below -1/2, z + 1/2, 1 above 1/2", lambda z: np.clip(z + 0.5, 0, 1), lambda z: _is_within(z, 0.5)
    ),
    "logistic": ActivationFunction("1 / (1 + exp(-z))", _logistic, lambda z: _logistic(z) * _logistic(-z)),
    "tanh": ActivationFunction("tanh(z)", np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": ActivationFunction("max(0, z)", lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(np.float64)),
    "softplus": ActivationFunction("log(1 + exp(z))", lambda z: np.logaddexp(0, z), _logistic),
}
assert set(ACTIVATIONS) == set(get_args(ActivationName))

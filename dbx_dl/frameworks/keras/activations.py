"""The activation functions of `frameworks.activations` as Keras layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("dbx_dl")
class Step(keras.layers.Layer):  # type: ignore[misc]
    """unit_step or sign, with the gradient of a straight line where |z| <= 1; see `frameworks.activations`."""

    def __init__(self, is_unit: bool, **options: Any) -> None:
        super().__init__(**options)
        self._is_unit = is_unit

    def call(self, values: Any, training: bool = False) -> Any:
        """The step; in training plus a 0 that brings the gradient."""
        steps = (ops.sign(values) + 1) * 0.5 if self._is_unit else ops.sign(values)
        if not training:
            return steps
        line = ops.clip(values, -1.0, 1.0) * (0.5 if self._is_unit else 1.0)
        return ops.stop_gradient(steps) + (line - ops.stop_gradient(line))

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "is_unit": self._is_unit}


@keras.saving.register_keras_serializable("dbx_dl")  # type: ignore[untyped-decorator]
def piecewise_linear(values: Any) -> Any:
    """0 below -1/2, z + 1/2, 1 above 1/2."""
    return ops.clip(values + 0.5, 0.0, 1.0)


def _activate(function: Any) -> Callable[[str | None], Any]:
    return lambda name: keras.layers.Activation(function, name=name)


ACTIVATIONS: dict[str, Callable[[str | None], Any]] = {
    "unit_step": lambda name: Step(is_unit=True, name=name),
    "sign": lambda name: Step(is_unit=False, name=name),
    "linear": _activate("linear"),
    "piecewise_linear": _activate(piecewise_linear),
    "logistic": _activate("sigmoid"),
    "tanh": _activate("tanh"),
    "relu": _activate("relu"),
    "softplus": _activate("softplus"),
}


def create_activation(activation: str, name: str | None = None) -> Any:
    """A layer that applies an activation function, by its name, to every entry."""
    return ACTIVATIONS[activation](name)

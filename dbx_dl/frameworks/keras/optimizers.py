"""Optimizers by name, with the mathematics that they have in PyTorch, and with stages of unfreezing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from dbx_dl.frameworks.freezing import Unfreezing
from dbx_dl.frameworks.optimizers import ADAGRAD_START, ADAM_EPSILON, RMSPROP_DISCOUNT, RMSPROP_EPSILON

if TYPE_CHECKING:
    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import Ranks


class HeavyBallSGD(keras.optimizers.SGD):  # type: ignore[misc]
    """SGD whose velocity sums gradients and is scaled by the present learning rate, as in PyTorch.

    Keras' own folds the learning rate into the velocity, so that the two differ as soon as a schedule changes it.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Velocity = momentum x velocity + gradient; variable -= learning rate x velocity.

        With nesterov the variable moves by learning rate x (gradient + momentum x velocity).
        """
        gradient = velocity = ops.cast(gradient, variable.dtype)
        if self.momentum != 0:
            momentum = ops.cast(self.momentum, variable.dtype)
            slot = self.momentums[self._get_variable_index(variable)]
            velocity = slot * momentum + gradient
            self.assign(slot, velocity)
            if self.nesterov:
                velocity = gradient + momentum * velocity
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * velocity)


class HeavyBallRMSprop(keras.optimizers.RMSprop):  # type: ignore[misc]
    """RMSprop with epsilon beside the root, not under it, and a velocity without the learning rate, as in PyTorch."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Square = rho x square + (1 - rho) x gradient^2; the variable moves by gradient / (root of square + epsilon).

        With momentum it moves by a velocity = momentum x velocity + that.
        """
        gradient = ops.cast(gradient, variable.dtype)
        index = self._get_variable_index(variable)
        square = self._velocities[index]
        self.assign(square, self.rho * square + (1 - self.rho) * ops.square(gradient))
        move = gradient / (ops.sqrt(square) + self.epsilon)
        if self.momentum > 0:
            move = self.momentum * self._momentums[index] + move
            self.assign(self._momentums[index], move)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * move)


def create_optimizer(config: OptimizerConfig) -> Any:
    """The Keras optimizer that a config describes, weight decay (apart from the gradient) included.

    One difference to PyTorch remains: Adam adds epsilon (1e-7) to the root of the uncorrected second moment, PyTorch to
    that of the corrected one. It shows where gradients are tiny.
    """
    return OPTIMIZERS[config.name](config, config.decay_of_weights or None)


def _create_adam(config: OptimizerConfig, decay: float | None) -> Any:
    return keras.optimizers.Adam(config.learning_rate, epsilon=ADAM_EPSILON, weight_decay=decay)


def _create_sgd(config: OptimizerConfig, decay: float | None) -> Any:
    return HeavyBallSGD(config.learning_rate, momentum=config.momentum, nesterov=config.nesterov, weight_decay=decay)


def _create_rmsprop(config: OptimizerConfig, decay: float | None) -> Any:
    return HeavyBallRMSprop(
        config.learning_rate,
        rho=RMSPROP_DISCOUNT,
        epsilon=RMSPROP_EPSILON,
        momentum=config.momentum,
        weight_decay=decay,
    )


def _create_adagrad(config: OptimizerConfig, decay: float | None) -> Any:
    return keras.optimizers.Adagrad(
        config.learning_rate, initial_accumulator_value=ADAGRAD_START, epsilon=0.0, weight_decay=decay
    )


OPTIMIZERS: dict[str, Callable[[OptimizerConfig, float | None], Any]] = {
    "adam": _create_adam,
    "adamw": _create_adam,
    "sgd": _create_sgd,
    "rmsprop": _create_rmsprop,
    "adagrad": _create_adagrad,
}


class StagedOptimizer:
    """One optimizer for what trains from the start and one for each stage of unfreezing, used as if they were one.

    They have the same settings, each with a learning rate and a step count of its own, since a stage's moments
    start with it.
    """

    def __init__(
        self, config: OptimizerConfig, trained: Sequence[Any], stages: Sequence[FrozenStage], ranks: Ranks
    ) -> None:
        self._unfreezing = Unfreezing(stages, config, ranks)
        self._groups = [list(trained), *(list(stage.weights) for stage in stages)]
        self._optimizers = [create_optimizer(config) for _ in self._groups]
        for optimizer, group in zip(self._optimizers, self._groups, strict=True):
            optimizer.build(group)

    @property
    def trained(self) -> list[Any]:
        """The variables that are trained at present; a new stage's come last."""
        return [variable for group in self._groups[: self._num_active] for variable in group]

    @property
    def variables(self) -> list[Any]:
        """Slots, step counts and learning rates of all stages, also of those to come."""
        return [variable for optimizer in self._optimizers for variable in optimizer.variables]

    def start_epoch(self, epoch: int) -> bool:
        """Unfreeze what is due; whether `trained` became longer."""
        return self._unfreezing.start_epoch(epoch)

    def set_rate(self, learning_rate: float) -> None:
        """The run's learning rate, of which each stage has its part."""
        active = zip(self._optimizers[: self._num_active], self._unfreezing.rate_factors, strict=False)
        for optimizer, factor in active:
            optimizer.learning_rate.assign(learning_rate * factor)

    def apply(self, gradients: Sequence[Any]) -> None:
        """One step with the gradients of `trained`."""
        start = 0
        for optimizer, group in zip(self._optimizers[: self._num_active], self._groups, strict=False):
            optimizer.apply(gradients[start : start + len(group)], group)
            start += len(group)

    @property
    def _num_active(self) -> int:
        return 1 + self._unfreezing.num_done

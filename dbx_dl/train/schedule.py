"""The learning rate of every step: scaled to the ranks, warmed up, then constant or falling."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbx_dl.config import OptimizerConfig

# As in Smith and Topin, "Super-Convergence", 2018, and PyTorch's OneCycleLR; momentum stays as it is.
_ONE_CYCLE_RISE = 0.3
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = 1 / 25 / 10_000


class Schedule:
    """Learning rates of a run, a pure function of the step but for `plateau`, which follows how epochs go."""

    def __init__(self, optimizer: OptimizerConfig, num_steps: int, steps_per_epoch: int, num_ranks: int) -> None:
        self.peak = scale_rate(optimizer, num_ranks)
        self._config = optimizer
        self._num_steps = num_steps
        self._num_warmup_steps = round(optimizer.warmup_epochs * steps_per_epoch)
        self._steps_per_epoch = steps_per_epoch
        self._plateau_factor = 1.0
        self._num_stale_epochs = 0

    def learning_rate(self, step: int) -> float:
        """The rate of a step, counted from 0 over all epochs; above 0 for every step of the run."""
        if self._config.decay == "one_cycle":
            return self.peak * self._cycle(step)
        if step < self._num_warmup_steps:
            return self.peak * (step + 1) / self._num_warmup_steps
        return self.peak * _SHAPES[self._config.decay](self, step - self._num_warmup_steps)

    def consider(self, is_better: bool) -> None:
        """Take note of an epoch; every rank must be told the same.

        Under `plateau` the rate falls when `decay_epochs` epochs in a row were no better than the best before them.
        """
        if self._config.decay != "plateau":
            return
        self._num_stale_epochs = 0 if is_better else self._num_stale_epochs + 1
        if self._num_stale_epochs == self._config.decay_epochs:
            self._plateau_factor *= self._config.decay_factor
            self._num_stale_epochs = 0

    def read_state(self) -> dict[str, float]:
        """What `restore` needs to go on from here."""
        return {"plateau_factor": self._plateau_factor, "num_stale_epochs": float(self._num_stale_epochs)}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on from a state that `read_state` gave."""
        self._plateau_factor = state["plateau_factor"]
        self._num_stale_epochs = int(state["num_stale_epochs"])

    def _keep(self, step: int) -> float:
        del step
        return 1.0

    def _fall_by_steps(self, step: int) -> float:
        epoch = step // self._steps_per_epoch
        return float(self._config.decay_factor ** (epoch // self._config.decay_epochs))

    def _fall_by_cosine(self, step: int) -> float:
        progress = step / max(1, self._num_steps - self._num_warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    def _follow_plateaus(self, step: int) -> float:
        del step
        return self._plateau_factor

    def _cycle(self, step: int) -> float:
        rise = self._num_warmup_steps or _ONE_CYCLE_RISE * self._num_steps
        last_rising = rise - 1
        if step <= last_rising:
            return _anneal(_ONE_CYCLE_START, 1.0, step / last_rising if last_rising > 0 else 1.0)
        return _anneal(1.0, _ONE_CYCLE_END, (step - last_rising) / (self._num_steps - 1 - last_rising))


_SHAPES: dict[str, Callable[[Schedule, int], float]] = {
    "constant": Schedule._keep,
    "step": Schedule._fall_by_steps,
    "cosine": Schedule._fall_by_cosine,
    "plateau": Schedule._follow_plateaus,
}


def scale_rate(optimizer: OptimizerConfig, num_ranks: int) -> float:
    """The config's learning rate for so many ranks.

    linear after Goyal et al., "Accurate, Large Minibatch SGD", 2017; sqrt after Krizhevsky, "One weird trick", 2014.
    """
    factors = {"none": 1.0, "sqrt": math.sqrt(num_ranks), "linear": float(num_ranks)}
    return optimizer.learning_rate * factors[optimizer.rate_scaling]


def create_schedule(optimizer: OptimizerConfig, num_epochs: int, steps_per_epoch: int, num_ranks: int = 1) -> Schedule:
    """The schedule of an optimizer config; a step is a batch, and epochs of warm-up are rounded to steps."""
    return Schedule(optimizer, num_epochs * steps_per_epoch, steps_per_epoch, num_ranks)


def _anneal(start: float, end: float, progress: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(progress, 1.0)))

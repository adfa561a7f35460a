"""The learning rate of every step: linear warm-up, then constant or cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbx_dl.config import OptimizerConfig


@dataclass(frozen=True)
class Schedule:
    """Learning rates of a run of `num_steps` steps, of which the first `num_warmup_steps` rise to `peak`."""

    peak: float
    num_steps: int
    num_warmup_steps: int
    is_cosine: bool

    def learning_rate(self, step: int) -> float:
        """The rate of a step, counted from 0 over all epochs; above 0 for every step of the run."""
        if step < self.num_warmup_steps:
            return self.peak * (step + 1) / self.num_warmup_steps
        if not self.is_cosine:
            return self.peak
        progress = (step - self.num_warmup_steps) / max(1, self.num_steps - self.num_warmup_steps)
        return self.peak * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    def read_state(self) -> dict[str, Any]:
        """What a checkpoint must keep: nothing, since the rate depends on the step alone."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `read_state` gave."""
        del state


def create_schedule(optimizer: OptimizerConfig, num_epochs: int, steps_per_epoch: int) -> Schedule:
    """The schedule of an optimizer config; warm-up is given in epochs and rounded to steps."""
    return Schedule(
        peak=optimizer.learning_rate,
        num_steps=num_epochs * steps_per_epoch,
        num_warmup_steps=round(optimizer.warmup_epochs * steps_per_epoch),
        is_cosine=optimizer.decay == "cosine",
    )

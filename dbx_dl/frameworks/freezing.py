"""Which layers of a network are frozen, and from which epoch on they train: patterns of names, for all frameworks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError

if TYPE_CHECKING:
    from dbx_dl.config import OptimizerConfig, UnfreezeConfig
    from dbx_dl.frameworks.interface import Ranks

_NUM_SHOWN = 12
logger = logging.getLogger(__name__)


def choose_frozen(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The names that a pattern (with *, ? and [...]) matches; ConfigError for a pattern that matches none."""
    return _choose(list(names), patterns, "train.freeze: {} matches no layer; layers with weights are {}")


def require_trainable(num_left: int, patterns: Sequence[str]) -> None:
    """ConfigError when nothing is left to train."""
    if num_left == 0:
        raise ConfigError(f"train.freeze: {', '.join(patterns)} leaves nothing to train")


@dataclass(frozen=True)
class FrozenStage:
    """Frozen weights (parameters or variables) that are trained from an epoch on, which `unfreeze` brings about."""

    config: UnfreezeConfig
    weights: tuple[Any, ...]
    unfreeze: Callable[[], None]


def plan_stages(
    frozen_weights: Mapping[str, Sequence[Any]], stages: Sequence[UnfreezeConfig]
) -> Iterator[tuple[UnfreezeConfig, list[str], tuple[Any, ...]]]:
    """By stage, in order of epochs: its config, the layers that it matches, and those of their weights that it takes.

    `frozen_weights` are those that were trainable before, by layer. A weight belongs to the first stage that matches
    it. ConfigError for a pattern that matches no frozen layer, or a stage for which earlier ones leave nothing.
    """
    taken: set[int] = set()
    for stage in sorted(stages, key=lambda stage: stage.epoch):
        missing = "train.unfreeze: {} matches no frozen layer; frozen layers are {}"
        names = _choose(list(frozen_weights), stage.layers, missing)
        weights = {id(weight): weight for name in names for weight in frozen_weights[name] if id(weight) not in taken}
        if not weights:
            shown = ", ".join(stage.layers)
            raise ConfigError(f"train.unfreeze: an earlier stage trains all that {shown} (epoch {stage.epoch}) matches")
        taken |= weights.keys()
        yield stage, names, tuple(weights.values())


class Unfreezing:
    """The stages of an objective, which come due one after the other.

    `rate_factors` are what the learning rates of what trains from the start, and of every stage, are of the run's.
    """

    def __init__(self, stages: Sequence[FrozenStage], optimizer: OptimizerConfig, ranks: Ranks) -> None:
        self._stages = stages
        self._ranks = ranks
        self.num_done = 0
        rates = [stage.config.learning_rate or optimizer.learning_rate for stage in stages]
        self.rate_factors = (1.0, *(rate / optimizer.learning_rate for rate in rates))

    def start_epoch(self, epoch: int) -> bool:
        """Unfreeze what is due in this epoch or was before; whether anything was still frozen of it."""
        due = [stage for stage in self._stages[self.num_done :] if stage.config.epoch <= epoch]
        for stage in due:
            stage.unfreeze()
            if self._ranks.rank == 0:
                layers = ", ".join(stage.config.layers)
                logger.info("layers %s are trained from epoch %d on", layers, stage.config.epoch)
        self.num_done += len(due)
        return bool(due)


def _choose(known: list[str], patterns: Sequence[str], missing: str) -> list[str]:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            shown = ", ".join(known[:_NUM_SHOWN]) + (", ..." if len(known) > _NUM_SHOWN else "")
            raise ConfigError(missing.format(repr(pattern), shown))
    return [name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)]

"""The training loop, once for every framework: epochs, exact metrics over ranks, best weights, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Batch, EpochMetrics
from dbx_dl.errors import RankFailedError
from dbx_dl.train.evaluation import RowFeed, evaluate
from dbx_dl.train.schedule import create_schedule
from dbx_dl.train.selection import Selection

if TYPE_CHECKING:
    from dbx_dl.config import TrainConfig
    from dbx_dl.frameworks.interface import Objective, Ranks
    from dbx_dl.train.checkpoints import BestWeights
    from dbx_dl.train.schedule import Schedule


@dataclass(frozen=True)
class Fit:
    """What training reached; the best weights are in the run directory."""

    history: tuple[EpochMetrics, ...]
    best_epoch: int
    rows_per_second: float


def fit(
    objective: Objective,
    ranks: Ranks,
    train: RowFeed,
    validation: RowFeed,
    config: TrainConfig,
    best: BestWeights,
    report: Callable[[EpochMetrics], None],
) -> Fit:
    """Train for the config's epochs, or until validation stalls; every rank gets the same result but its own times.

    Metrics are sums over all ranks' rows, divided by their weight. RankFailedError when the loss is not finite.
    """
    objective.broadcast_state()
    schedule = create_schedule(config.optimizer, config.num_epochs, train.num_steps, ranks.size)
    selection = Selection(config.early_stopping_epochs, config.best_metric)
    history: list[EpochMetrics] = []
    for epoch in range(1, config.num_epochs + 1):
        started = time.perf_counter()
        sums = _train_epoch(objective, ranks, train, epoch, schedule)
        objective.synchronize_statistics()
        trained = time.perf_counter() - started
        metrics = _average(sums) | evaluate(objective, ranks, validation, "validation_")
        is_best, should_stop = _decide_once(ranks, selection, epoch, metrics)
        schedule.consider(is_best)
        if is_best:
            best.save(objective)
        total = time.perf_counter() - started
        history.append(
            EpochMetrics(epoch=epoch, metrics=metrics, seconds=total, rows_per_second=sums["weight"] / trained)
        )
        report(history[-1])
        if should_stop:
            break
    return Fit(tuple(history), selection.best_epoch, _average_speed(history))


def _train_epoch(objective: Objective, ranks: Ranks, feed: RowFeed, epoch: int, schedule: Schedule) -> dict[str, float]:
    """Sums over all ranks and steps of one epoch."""
    totals: dict[str, float] = {}
    first_step = (epoch - 1) * feed.num_steps
    for step, batch in enumerate(feed.batches(epoch)):
        sums = objective.train_step(batch, schedule.learning_rate(first_step + step))
        if not math.isfinite(sums["loss"]):
            raise RankFailedError(_describe_divergence(sums["loss"], epoch, step, batch, schedule, first_step + step))
        for name, value in sums.items():
            totals[name] = totals.get(name, 0.0) + value
    names = sorted(totals)
    summed = ranks.sum(np.array([totals[name] for name in names], dtype=np.float64))
    return dict(zip(names, summed.tolist(), strict=True))


def _describe_divergence(
    loss: float, epoch: int, step: int, batch: Batch, schedule: Schedule, overall_step: int
) -> str:
    keys = ", ".join(key for key in batch.keys[:3] if key)
    return (
        f"the loss became {loss} in epoch {epoch}, step {step + 1}, at learning rate "
        f"{schedule.learning_rate(overall_step):g} (rows {keys}, ...): lower optimizer.learning_rate, add warm-up, "
        "or look for extreme inputs"
    )


def _average(sums: dict[str, float]) -> dict[str, float]:
    weight = sums["weight"]
    return {f"train_{name}": value / weight for name, value in sums.items() if name != "weight"}


def _average_speed(history: list[EpochMetrics]) -> float:
    """Training rows per second; the first epoch, in which frameworks compile, only counts where it is alone."""
    speeds = [epoch.rows_per_second for epoch in history[1:] or history]
    # Every epoch has the same rows, so the mean over time is the harmonic mean of the speeds.
    return len(speeds) / sum(1 / speed for speed in speeds)


def _decide_once(ranks: Ranks, selection: Selection, epoch: int, metrics: dict[str, float]) -> tuple[bool, bool]:
    """Whether the epoch is the best and training should stop, decided on rank 0 for all."""
    is_best = selection.consider(epoch, metrics)
    decision = ranks.broadcast(np.array([is_best, selection.has_stalled(epoch)], dtype=np.float64))
    return bool(decision[0]), bool(decision[1])

"""The training loop, once for every framework: epochs, exact metrics over ranks, best weights, early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import EpochMetrics
from dbx_dl.train.checkpoints import LoopState
from dbx_dl.train.divergence import check_loss
from dbx_dl.train.evaluation import RowFeed, evaluate
from dbx_dl.train.looking import show_rows
from dbx_dl.train.meters import RankMeter, RankMetrics, StepMeter, StepMetrics
from dbx_dl.train.schedule import create_schedule
from dbx_dl.train.selection import Selection

if TYPE_CHECKING:
    from dbx_dl.config import TrainConfig
    from dbx_dl.frameworks.interface import Objective, Ranks
    from dbx_dl.train.checkpoint_files import Checkpoint
    from dbx_dl.train.checkpoints import BestWeights, Checkpoints


@dataclass(frozen=True)
class Fit:
    """What training reached; the best weights are in the run directory."""

    history: tuple[EpochMetrics, ...]
    best_epoch: int
    rows_per_second: float


# What steps sum up that is no metric.
_COUNTS = ("weight", "sample_weight", "num_rows")
Report = Callable[[EpochMetrics | StepMetrics | RankMetrics], None]


def fit(
    objective: Objective,
    ranks: Ranks,
    train: RowFeed,
    validation: RowFeed,
    config: TrainConfig,
    best: BestWeights,
    report: Report,
    checkpoints: Checkpoints | None = None,
    start: Checkpoint | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Fit:
    """Train for the config's epochs, or until validation stalls; every rank gets the same result but its own times.

    Metrics are sums over all ranks' rows, divided by their weights. With `checkpoints` they are written when due, and
    training goes on from `start`. `should_stop` is asked at the end of each epoch, and rank 0's answer ends training on
    every rank. RankFailedError when a loss is not finite or explodes, see `divergence.check_loss`.
    """
    schedule = create_schedule(config.optimizer, config.num_epochs, train.num_steps, ranks.size)
    state = LoopState(schedule, Selection(config.early_stopping_epochs, config.best_metric))
    if checkpoints is not None and start is not None:
        checkpoints.restore(start, objective, state)
    objective.broadcast_state()
    steps = _Steps(objective, ranks, train, config, report, checkpoints)
    while not state.has_ended(config.num_epochs):
        started = time.perf_counter() - state.seconds
        objective.start_epoch(state.epoch)
        if state.step == 0:
            show_rows(objective, ranks, train, state.epoch)
        sums = steps.take_epoch(state)
        trained = time.perf_counter() - started
        objective.synchronize_statistics()
        metrics = _average(sums, "train_") | evaluate(objective, ranks, validation, "validation_")
        is_best, is_last = _decide_once(ranks, state.selection, state.epoch, metrics, should_stop())
        schedule.consider(is_best)
        if is_best:
            best.save(objective)
        total = time.perf_counter() - started
        speed = sums["num_rows"] / trained
        state.finish_epoch(
            EpochMetrics(epoch=state.epoch, metrics=metrics, seconds=total, rows_per_second=speed),
        )
        report(state.history[-1])
        steps.save_when_due(state)
        if is_last:
            break
    return Fit(tuple(state.history), state.selection.best_epoch, _average_speed(state.history))


class _Steps:
    """Takes an epoch's steps, reporting and writing checkpoints on the way."""

    def __init__(
        self,
        objective: Objective,
        ranks: Ranks,
        feed: RowFeed,
        config: TrainConfig,
        report: Report,
        checkpoints: Checkpoints | None,
    ) -> None:
        self._objective = objective
        self._ranks = ranks
        self._feed = feed
        self._config = config
        self._report = report
        self._checkpoints = checkpoints

    def take_epoch(self, state: LoopState) -> dict[str, float]:
        """Take the steps that are left of the epoch; sums over all ranks and all of its steps."""
        meter, since_report = RankMeter(), StepMeter()
        started = time.perf_counter() - state.seconds
        for batch in meter.watch(self._feed.batches(state.epoch, state.step)):
            rate = state.schedule.learning_rate(self._count_steps(state))
            sums = self._objective.train_step(batch, rate)
            check_loss(state, batch, sums, rate, self._config.max_loss_growth)
            sums = {**sums, "num_rows": float(batch.is_row.sum())}
            state.finish_step(sums)
            since_report.add(sums)
            if self._count_steps(state) % self._config.report_every_steps == 0:
                self._report_steps(state, rate, since_report)
            state.seconds = time.perf_counter() - started
            # After the last step the epoch's own checkpoint comes, which knows its metrics.
            if state.step < self._feed.num_steps:
                self.save_when_due(state)
        self._report(RankMetrics(rank=self._ranks.rank, epoch=state.epoch, metrics=meter.read()))
        return _sum_over_ranks(self._ranks, state.sums)

    def save_when_due(self, state: LoopState) -> None:
        """Write a checkpoint if one belongs here, between two steps."""
        if self._checkpoints is None:
            return
        is_epoch_due = state.step == 0 and self._checkpoints.is_due_after_epoch(state.epoch - 1)
        if is_epoch_due or self._checkpoints.is_due_after_step(self._count_steps(state)):
            self._checkpoints.save(self._objective, state)

    def _report_steps(self, state: LoopState, rate: float, since_report: StepMeter) -> None:
        own, seconds = since_report.take()
        sums = _sum_over_ranks(self._ranks, own)
        speed = {"learning_rate": rate, "step_rows_per_second": sums["num_rows"] / seconds}
        averages = _average(sums, "step_") | speed
        self._report(StepMetrics(epoch=state.epoch, step=self._count_steps(state), metrics=averages))

    def _count_steps(self, state: LoopState) -> int:
        return (state.epoch - 1) * self._feed.num_steps + state.step


def _sum_over_ranks(ranks: Ranks, sums: dict[str, float]) -> dict[str, float]:
    names = sorted(sums)
    summed = ranks.sum(np.array([sums[name] for name in names], dtype=np.float64))
    return dict(zip(names, summed.tolist(), strict=True))


def _average(sums: dict[str, float], prefix: str) -> dict[str, float]:
    """The loss by the weight of training, metrics by that of samples; nothing of rows that all have weight 0."""
    weights = {name: sums.get("sample_weight", sums["weight"]) for name in sums} | {"loss": sums["weight"]}
    names = [name for name in sums if name not in _COUNTS and weights[name] > 0]
    return {f"{prefix}{name}": sums[name] / weights[name] for name in names}


def _average_speed(history: list[EpochMetrics]) -> float:
    """Training rows per second; the first epoch, in which frameworks compile, only counts where it is alone."""
    speeds = [epoch.rows_per_second for epoch in history[1:] or history]
    # Every epoch has the same rows, so the mean over time is the harmonic mean of the speeds.
    return len(speeds) / sum(1 / speed for speed in speeds)


def _decide_once(
    ranks: Ranks, selection: Selection, epoch: int, metrics: dict[str, float], is_asked_to_stop: bool
) -> tuple[bool, bool]:
    """Whether the epoch is the best and training should stop, decided on rank 0 for all."""
    is_best = selection.consider(epoch, metrics)
    is_last = selection.has_stalled(epoch) or is_asked_to_stop
    decision = ranks.broadcast(np.array([is_best, is_last], dtype=np.float64))
    return bool(decision[0]), bool(decision[1])

"""The training loop, once for every framework: epochs, exact metrics over ranks, best weights, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dbx_dl.contracts import Batch, EpochMetrics
from dbx_dl.errors import RankFailedError
from dbx_dl.metrics import classification_metrics, softmax
from dbx_dl.train.schedule import create_schedule
from dbx_dl.train.selection import Selection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.config import TrainConfig
    from dbx_dl.frameworks.interface import Objective, Ranks
    from dbx_dl.train.checkpoints import BestWeights
    from dbx_dl.train.schedule import Schedule


class RowFeed(Protocol):
    """What the loop asks of a rank's share of a split."""

    @property
    def num_rows(self) -> int:
        """Rows of the split over all ranks."""

    @property
    def num_steps(self) -> int:
        """Batches per epoch, the same on every rank."""

    def batches(self, epoch: int | None) -> Iterator[Batch]:
        """The rank's batches in the order of an epoch, or in stored order, stretch by stretch in rank order."""


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
    should_stop: Callable[[], bool] = lambda: False,
) -> Fit:
    """Train for the config's epochs, or until validation stalls; every rank gets the same result but its own times.

    Metrics are sums over all ranks' rows, divided by their weight. `should_stop` is asked at the end of each epoch, and
    rank 0's answer ends training on every rank. RankFailedError when the loss is not finite.
    """
    objective.broadcast_state()
    schedule = create_schedule(config.optimizer, config.num_epochs, train.num_steps)
    selection = Selection(config.early_stopping_epochs)
    history: list[EpochMetrics] = []
    for epoch in range(1, config.num_epochs + 1):
        started = time.perf_counter()
        sums = _train_epoch(objective, ranks, train, epoch, schedule)
        trained = time.perf_counter() - started
        metrics = _average(sums) | evaluate(objective, ranks, validation, "validation_")
        is_best, is_last = _decide_once(ranks, selection, epoch, metrics, should_stop())
        if is_best:
            best.save(objective)
        total = time.perf_counter() - started
        history.append(
            EpochMetrics(epoch=epoch, metrics=metrics, seconds=total, rows_per_second=sums["weight"] / trained)
        )
        report(history[-1])
        if is_last:
            break
    return Fit(tuple(history), selection.best_epoch, _average_speed(history))


def evaluate(objective: Objective, ranks: Ranks, feed: RowFeed, prefix: str) -> dict[str, float]:
    """Metrics of a split over all its rows, each counted once, named `<prefix><metric>`; none for an empty split."""
    labels, probabilities = predict_split(objective, ranks, feed)
    return {f"{prefix}{name}": value for name, value in classification_metrics(labels, probabilities).items()}


def predict_split(objective: Objective, ranks: Ranks, feed: RowFeed) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels (N,) and class probabilities (N, C) of a whole split in stored order, on every rank."""
    rows = [_predict_rows(objective, batch) for batch in feed.batches(None)]
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 1))
    gathered = ranks.gather_rows(np.concatenate(rows))
    if len(gathered) != feed.num_rows:
        raise RankFailedError(f"evaluation saw {len(gathered)} of {feed.num_rows} rows: ranks read different tables")
    return gathered[:, 0].astype(np.int64), gathered[:, 1:]


def _predict_rows(objective: Objective, batch: Batch) -> NDArray[np.float64]:
    """Label and probabilities, float64 (rows, 1 + C), of the rows that are no padding."""
    is_row = batch.weights > 0
    probabilities = softmax(objective.predict(batch.inputs))
    return np.column_stack([batch.labels, probabilities])[is_row]


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


def _decide_once(
    ranks: Ranks, selection: Selection, epoch: int, metrics: dict[str, float], is_asked_to_stop: bool
) -> tuple[bool, bool]:
    """Whether the epoch is the best and training should stop, decided on rank 0 for all."""
    is_best = selection.consider(epoch, metrics)
    is_last = selection.has_stalled(epoch) or is_asked_to_stop
    decision = ranks.broadcast(np.array([is_best, is_last], dtype=np.float64))
    return bool(decision[0]), bool(decision[1])

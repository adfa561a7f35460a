"""One trial seen from the driver: its epochs go to the study, which may end it, and at last it is judged."""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING, NamedTuple

from dbx_dl.contracts import EpochMetrics, TrainedModel, TrialState
from dbx_dl.errors import ConfigError
from dbx_dl.train.run import describe_epoch

if TYPE_CHECKING:
    from optuna import Trial

logger = logging.getLogger(__name__)


class Verdict(NamedTuple):
    """How a trial ended, as in SearchTrial."""

    state: TrialState
    value: float | None
    num_epochs: int
    reason: str = ""


class EpochWatch:
    """Follows the epochs of a trial, in the thread that reads the ranks' reports.

    `was_cut_off` when the search ended meanwhile; `error` is what ends the search.
    """

    def __init__(self, trial: Trial, metric: str, framework: str, num_epochs: int, is_over: threading.Event) -> None:
        self.was_cut_off = False
        self.error: Exception | None = None
        self._trial = trial
        self._metric = metric
        self._label = f"{framework} trial {trial.number}"
        self._num_epochs = num_epochs
        self._is_over = is_over
        self._last: EpochMetrics | None = None
        self._is_pruned = False

    def see(self, epoch: EpochMetrics) -> bool:
        """Take in an epoch; whether the trial should stop. Epochs after that decision do not count."""
        if self._is_pruned or self.error:
            return True
        if self._is_over.is_set():
            self.was_cut_off = True
            return True
        try:
            self._is_pruned = self._report(epoch)
        except Exception as error:
            self.error = error
        return self._is_pruned or self.error is not None

    def judge(self, model: TrainedModel | None, reason: str) -> Verdict:
        """How the trial ended that left this model, or none for that reason."""
        num_epochs = self._last.epoch if self._last else 0
        if model is None:
            return Verdict("failed", None, num_epochs, reason)
        if self._is_pruned and self._last:
            value = self._last.metrics[self._metric]
            return Verdict("pruned", value if math.isfinite(value) else None, num_epochs)
        value = model.history[model.best_epoch - 1].metrics[self._metric]
        if not math.isfinite(value):
            return Verdict("failed", None, len(model.history), f"{self._metric} became {value}")
        return Verdict("complete", value, len(model.history))

    def _report(self, epoch: EpochMetrics) -> bool:
        if self._metric not in epoch.metrics:
            names = ", ".join(sorted(epoch.metrics))
            raise ConfigError(f"search.metric: an epoch has no {self._metric!r}; it has {names}")
        logger.info(describe_epoch(self._label, epoch, self._num_epochs))
        self._last = epoch
        self._trial.report(epoch.metrics[self._metric], epoch.epoch)
        return bool(self._trial.should_prune())

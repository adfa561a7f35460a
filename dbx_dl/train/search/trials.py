"""The trials of a search, one after the other or several at once: each is a training that the pruner watches."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import SearchTrial, TrainedModel
from dbx_dl.errors import RankFailedError
from dbx_dl.train.search.epochs import EpochWatch
from dbx_dl.train.search.space import Values, apply_values

if TYPE_CHECKING:
    from optuna import Trial

    from dbx_dl.config import SearchConfig, TrainConfig
    from dbx_dl.train.search.study import FinishedTrial, Proposals
    from dbx_dl.train.search.tracked_study import TrackedStudy

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
# A tag of MLflow holds the whole trial.
_MAX_REASON_CHARACTERS = 500


class Trials:
    """Begins trials until enough have ended; every failure that is no trial's own ends all of them."""

    def __init__(
        self,
        search: SearchConfig,
        config: TrainConfig,
        *,
        num_trials: int,
        direction: str,
        framework: str,
        root: Path,
        train: Callable[..., TrainedModel],
        proposals: Proposals,
        tracked: TrackedStudy,
        finished: Sequence[FinishedTrial],
    ) -> None:
        self.num_missing = num_trials - len(finished)
        self._search = search
        self._config = config
        self._direction = direction
        self._framework = framework
        self._root = root
        self._train = train
        self._proposals = proposals
        self._tracked = tracked
        self._finished = list(finished)
        self._num_begun = 0
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._error: BaseException | None = None
        self._deadline = time.monotonic() + (search.timeout_seconds or math.inf)

    def run(self) -> list[FinishedTrial]:
        """Run what is missing and return all trials by number; the first error that is no trial's own is raised."""
        if self._search.num_parallel == 1:
            self._work()
        else:
            self._run_threads()
        if self._error is not None:
            raise self._error
        return sorted(self._finished, key=lambda record: record.trial.number)

    def _run_threads(self) -> None:
        threads = [
            threading.Thread(target=self._work, name=f"trials-{i}", daemon=True)
            for i in range(min(self._search.num_parallel, self.num_missing))
        ]
        for thread in threads:
            thread.start()
        try:
            _join(threads)
        except BaseException:
            self._is_over.set()
            logger.warning("trials stop at the end of their epoch; interrupt once more not to wait for them")
            _join(threads)
            raise

    def _work(self) -> None:
        try:
            while (begun := self._begin()) is not None:
                self._run_trial(begun)
        except BaseException as error:
            self._is_over.set()
            self._error = self._error or error

    def _begin(self) -> Trial | None:
        with self._lock:
            if self.num_missing == 0 or self._is_over.is_set() or self._is_late():
                return None
            self.num_missing -= 1
            self._num_begun += 1
            return self._proposals.begin()

    def _is_late(self) -> bool:
        # Every call gets on by a trial at least.
        return self._num_begun > 0 and time.monotonic() > self._deadline

    def _run_trial(self, begun: Trial) -> None:
        values: Values = dict(begun.params)
        logger.info("[%s] trial %d: %s", self._framework, begun.number, describe_values(values))
        config = apply_values(self._config, values)
        directory = self._root / f"{begun.number:04d}"
        watch = EpochWatch(begun, self._search.metric, self._framework, config.num_epochs, self._is_over)
        started = time.perf_counter()
        reason, model = "", None
        try:
            model = self._train(config, directory=str(directory), on_epoch=watch.see)
        except RankFailedError as error:
            reason = str(error)
        if watch.error is not None:
            raise watch.error
        if watch.was_cut_off:
            return
        if model is not None:
            model.save(directory / "trained.json")
        state, value, num_epochs, reason = watch.judge(model, reason)
        seconds = time.perf_counter() - started
        ended = SearchTrial(
            number=begun.number,
            state=state,
            values=values,
            value=value,
            num_epochs=num_epochs,
            seconds=seconds,
            directory=str(directory),
            reason=reason[:_MAX_REASON_CHARACTERS],
        )
        self._end(begun, ended)

    def _end(self, begun: Trial, ended: SearchTrial) -> None:
        with self._lock:
            finished = self._proposals.end(begun, ended)
            self._tracked.record(finished)
            self._finished.append(finished)
            best = find_best([record.trial for record in self._finished], self._direction)
        so_far = "" if best is None else f" (best so far {best.value:.4g}, trial {best.number})"
        outcome = describe_outcome(ended, self._search.metric)
        logger.info("[%s] trial %d %s%s", self._framework, ended.number, outcome, so_far)


def find_best(trials: Sequence[SearchTrial], direction: str) -> SearchTrial | None:
    """The complete trial with the best metric, the first one among equals; none where no trial is complete."""
    sign = 1 if direction == "maximize" else -1
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    return max(complete, key=lambda trial: (sign * (trial.value or 0.0), -trial.number), default=None)


def describe_values(values: Mapping[str, Any]) -> str:
    """Settings as text, such as `batch_size 16, optimizer.learning_rate 0.003`."""
    shown = {name: f"{value:.4g}" if isinstance(value, float) else str(value) for name, value in values.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def describe_outcome(trial: SearchTrial, metric: str) -> str:
    """How a trial ended, in a few words."""
    if trial.state == "failed":
        lines = [line.strip() for line in trial.reason.splitlines() if line.strip()]
        return f"failed: {lines[0] if lines else 'no reason given'}"
    value = "" if trial.value is None else f": {metric} {trial.value:.4g}"
    return f"is {trial.state} after {trial.num_epochs} epochs{value}"


def _join(threads: Sequence[threading.Thread]) -> None:
    """Wait, in pieces that an interrupt can end."""
    for thread in threads:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)

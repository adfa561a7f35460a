"""The study in Optuna: made anew from finished trials, it proposes the next one and says which should stop.

Each proposal depends on the seed, the trial's number and the trials before it only. So a study that goes on after an
interruption proposes what it would have proposed without one (with one trial at a time).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import Contract, SearchTrial

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from dbx_dl.config import SearchConfig
    from dbx_dl.train.search.space import Values

_NUMBERS_PER_SEED = 100_003
# What a trial reached when hyperband let it go on: others are compared with that.
_PRUNER_NOTE = "completed_rung"


class FinishedTrial(Contract):
    """A trial as a study needs it again: the metric by epoch, and what the pruner noted about it."""

    trial: SearchTrial
    epoch_values: dict[int, float]
    notes: dict[str, Any]


class Proposals:
    """A study that runs: trials begin, report and end; not for two threads at once."""

    def __init__(
        self,
        name: str,
        direction: str,
        search: SearchConfig,
        distributions: Mapping[str, BaseDistribution],
        max_epochs: int,
        points: Sequence[Values] = (),
    ) -> None:
        self._search = search
        self._distributions = dict(distributions)
        self._points = points
        with _quiet_optuna():
            self._study = _create_study(name, direction, create_pruner(search, max_epochs))

    def replay(self, finished: Sequence[FinishedTrial]) -> None:
        """Take in trials of an earlier session; numbers that are missing between them are proposed first."""
        by_number = {record.trial.number: record for record in finished}
        for number in range(max(by_number, default=-1) + 1):
            if number in by_number:
                self._study.add_trial(_thaw(by_number[number], self._distributions))
            else:
                self._enqueue(number)

    def begin(self) -> Trial:
        """The next trial, with a value for each setting in `params`."""
        number, is_waiting = self._next_number()
        if not is_waiting:
            self._enqueue(number)
        self._study.sampler = self._create_sampler(number)
        return self._study.ask(self._distributions)

    def end(self, trial: Trial, ended: SearchTrial) -> FinishedTrial:
        """Tell the study how a trial ended; what to keep of it."""
        from optuna.trial import TrialState

        state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}.get(ended.state, TrialState.FAIL)
        self._study.tell(trial, ended.value if ended.state == "complete" else None, state)
        frozen = self._study.get_trials(deepcopy=False)[ended.number]
        notes = {key: value for key, value in frozen.system_attrs.items() if key.startswith(_PRUNER_NOTE)}
        return FinishedTrial(trial=ended, epoch_values=dict(frozen.intermediate_values), notes=notes)

    def rate_importances(self) -> dict[str, float]:
        """Each setting's share in what the metric varies by; empty for fewer than two complete trials.

        After Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces",
        2023.
        """
        from optuna.importance import get_param_importances
        from optuna.trial import TrialState

        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(complete) < 2:
            return {}
        with _quiet_optuna():
            return {name: float(share) for name, share in get_param_importances(self._study).items()}

    def _enqueue(self, number: int) -> None:
        """A place for the trial of this number; a point of a grid is set, other values are sampled when it begins."""
        self._study.enqueue_trial(dict(self._points[number]) if self._points else {})

    def _next_number(self) -> tuple[int, bool]:
        """The number of the next trial, and whether it has its place already."""
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        waiting = [trial.number for trial in trials if trial.state == TrialState.WAITING]
        return min(waiting, default=len(trials)), bool(waiting)

    def _create_sampler(self, number: int) -> BaseSampler:
        from optuna.samplers import RandomSampler, TPESampler

        search = self._search
        seed = (search.seed * _NUMBERS_PER_SEED + number) % 2**32
        if search.sampler == "tpe":
            return TPESampler(seed=seed, n_startup_trials=search.startup_trials)
        return RandomSampler(seed=seed)


def create_pruner(search: SearchConfig, max_epochs: int) -> BasePruner:
    """The search's pruner, for trials of at most `max_epochs` epochs, which are counted from 1."""
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    first_epoch = search.warmup_epochs + 1
    if search.pruner == "median":
        return MedianPruner(n_startup_trials=search.startup_trials, n_warmup_steps=first_epoch)
    if search.pruner == "hyperband":
        return HyperbandPruner(min_resource=first_epoch, max_resource=max(first_epoch, max_epochs))
    return NopPruner()


def _create_study(name: str, direction: str, pruner: BasePruner) -> Study:
    import optuna

    return optuna.create_study(study_name=name, direction=direction, pruner=pruner)


def _thaw(record: FinishedTrial, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    trial = record.trial
    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}.get(trial.state, TrialState.FAIL)
    return create_trial(
        state=state,
        value=trial.value if trial.state != "failed" else None,
        params=trial.values,
        distributions=dict(distributions),
        system_attrs=record.notes,
        intermediate_values=record.epoch_values,
    )


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Optuna without its INFO lines and warnings about what is experimental."""
    import warnings

    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)

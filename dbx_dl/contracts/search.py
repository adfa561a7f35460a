"""What a search for settings returns, and each of its trials."""

from __future__ import annotations

from typing import Literal

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.models import TrainedModel

TrialState = Literal["complete", "pruned", "failed"]


class SearchTrial(Contract):
    """One training of a search.

    `values` are by setting, `value` is the searched metric at the best epoch (the last one where it was pruned, none
    where it failed) and `num_epochs` how many epochs count. `reason` says why it failed.
    """

    number: int
    state: TrialState
    values: dict[str, str | int | float | bool | None]
    value: float | None
    num_epochs: int
    seconds: float
    directory: str
    reason: str = ""


class SearchResult(Contract):
    """A study: all its trials, the best of them and the model that this one left.

    `run_id` is the study's MLflow run, whose children are those of the trials. `importances` add up to 1; none where
    too few trials are complete.
    """

    study: str
    run_id: str
    metric: str
    direction: Literal["maximize", "minimize"]
    best_number: int
    best_values: dict[str, str | int | float | bool | None]
    best_value: float
    num_trials: dict[TrialState, int]
    trials: tuple[SearchTrial, ...]
    importances: dict[str, float]
    best: TrainedModel

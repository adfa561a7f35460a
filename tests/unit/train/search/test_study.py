"""Proposals depend on seed, number and earlier trials only, so that a study goes on as if nothing had cut it off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dbx_dl.config import Dimension, SearchConfig, TrainConfig
from dbx_dl.contracts import SearchTrial
from dbx_dl.train.search.space import create_distributions, list_points
from dbx_dl.train.search.study import FinishedTrial, Proposals

SPACE = {"optimizer.learning_rate": Dimension(low=1e-4, high=1.0, log=True), "batch_size": Dimension(choices=(8, 16))}
NUM_EPOCHS = 9


def proposals_of(finished: Sequence[FinishedTrial] = (), **settings: Any) -> Proposals:
    search = SearchConfig(num_trials=12, space=SPACE, **({"startup_trials": 3} | settings))
    config = TrainConfig(network="mlp", num_epochs=NUM_EPOCHS)
    points = list_points(SPACE, search.seed) if search.sampler == "grid" else []
    made = Proposals("study", "maximize", search, create_distributions(config, SPACE), NUM_EPOCHS, points)
    made.replay(finished)
    return made


def run_trial(proposals: Proposals) -> FinishedTrial:
    """Accuracy rises with the epochs, to a height that the learning rate decides."""
    begun = proposals.begin()
    height = 1 - abs(begun.params["optimizer.learning_rate"] - 0.1) - begun.params["batch_size"] / 100
    state, value, epoch = "complete", 0.0, 0
    for epoch in range(1, NUM_EPOCHS + 1):
        value = height * epoch / NUM_EPOCHS
        begun.report(value, epoch)
        if begun.should_prune():
            state = "pruned"
            break
    return proposals.end(begun, trial_of(begun.number, begun.params, state, value, epoch))


def trial_of(number: int, values: dict[str, Any], state: Any, value: float | None, num_epochs: int) -> SearchTrial:
    return SearchTrial(
        number=number, state=state, values=values, value=value, num_epochs=num_epochs, seconds=1.0, directory="d"
    )


def run_trials(proposals: Proposals, count: int) -> list[FinishedTrial]:
    return [run_trial(proposals) for _ in range(count)]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_a_study_that_was_cut_off_goes_on_as_if_it_had_not(sampler: str, pruner: str) -> None:
    settings = {"sampler": sampler, "pruner": pruner, "warmup_epochs": 0}
    whole = run_trials(proposals_of(**settings), 12)
    first = [FinishedTrial.model_validate_json(t.model_dump_json()) for t in whole[:7]]
    assert run_trials(proposals_of(first, **settings), 5) == whole[7:]
    assert {record.trial.state for record in whole} == {"complete", "pruned"}
    assert len({str(record.trial.values) for record in whole}) == 12


def test_a_trial_that_is_missing_between_others_comes_first() -> None:
    whole = run_trials(proposals_of(sampler="random", pruner="none"), 4)
    assert run_trials(proposals_of([whole[0], whole[3]], sampler="random", pruner="none"), 2) == whole[1:3]


def test_a_seed_decides() -> None:
    drawn = [run_trial(proposals_of(seed=seed)).trial.values for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_failed_trial_counts_and_teaches_nothing() -> None:
    proposals = proposals_of()
    begun = proposals.begin()
    failed = proposals.end(begun, trial_of(0, begun.params, "failed", None, 0))
    assert run_trial(proposals).trial.number == 1
    assert run_trial(proposals_of([failed])).trial.number == 1


def test_a_grid_is_taken_point_by_point() -> None:
    space = {"batch_size": Dimension(choices=(8, 16, 32)), "optimizer.momentum": Dimension(choices=(0.0, 0.5))}
    search = SearchConfig(num_trials=6, space=space, sampler="grid", pruner="none")
    points = list_points(space, search.seed)
    distributions = create_distributions(TrainConfig(network="mlp"), space)

    def draw(proposals: Proposals, count: int) -> list[FinishedTrial]:
        begun = [proposals.begin() for _ in range(count)]
        return [proposals.end(t, trial_of(t.number, t.params, "complete", 0.5, 1)) for t in begun]

    whole = draw(Proposals("g", "maximize", search, distributions, 1, points), 6)
    assert [record.trial.values for record in whole] == points
    resumed = Proposals("g", "maximize", search, distributions, 1, points)
    resumed.replay([whole[0], whole[2]])
    assert [record.trial.values for record in draw(resumed, 4)] == [points[i] for i in (1, 3, 4, 5)]


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_no_trial_is_stopped_within_the_warm_up(pruner: str) -> None:
    proposals = proposals_of(sampler="random", pruner=pruner, warmup_epochs=4, startup_trials=2)
    stopped = [r.trial.num_epochs for r in run_trials(proposals, 12) if r.trial.state == "pruned"]
    assert stopped and min(stopped) == 5


def test_importances_are_shares() -> None:
    proposals = proposals_of(pruner="none")
    assert proposals.rate_importances() == {}
    run_trials(proposals, 12)
    shares = proposals.rate_importances()
    assert set(shares) == set(SPACE)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["optimizer.learning_rate"] > shares["batch_size"]

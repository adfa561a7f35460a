"""Searches on real Optuna and a real MLflow store, over a training that costs nothing."""

from __future__ import annotations

import _thread
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import Dimension, OptimizerConfig, SearchConfig, TrackingConfig, TrainConfig
from dbx_dl.contracts import PreparedTable, SearchResult, SearchTrial, TrainedModel
from dbx_dl.errors import ConfigError, DataError, DbxDlError, RankFailedError, SetupError
from dbx_dl.runtime.tracking import open_client
from dbx_dl.train.search import search as module
from dbx_dl.train.search.show import tabulate_trials
from dbx_dl.train.search.space import list_points
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_feature_table
from tests.unit.train.search.cheap_training import CheapTraining

NO_SPARK: Any = None
RATES = {"optimizer.learning_rate": Dimension(low=1e-3, high=1.0, log=True)}


class Searches:
    """Searches of one test: each gets a study of its own in the shared store."""

    def __init__(
        self, prepared: PreparedTable, tracking: TrackingConfig, root: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self.prepared, self.tracking, self.root = prepared, tracking, root
        self.client = open_client(tracking.uri)
        self._patch = patch

    def run(self, training: CheapTraining | None = None, config: dict[str, Any] | None = None, **settings: Any) -> Any:
        self._patch.setattr(module, "train_network", training or CheapTraining())
        search = SearchConfig(**({"num_trials": 3, "space": RATES, "study": self.root.name} | settings))
        return module.search_network(
            NO_SPARK,
            self.prepared,
            TrainConfig(**({"network": "mlp", "launcher": "in_process", "num_epochs": 4} | (config or {}))),
            search,
            framework="torch",
            directory=str(self.root),
            tracking=self.tracking,
        )

    def children(self, result: SearchResult) -> list[Any]:
        experiment = self.client.get_run(result.run_id).info.experiment_id
        return list(self.client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{result.run_id}'"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("table"), {"train": 20, "validation": 5, "test": 5})


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> TrackingConfig:
    return open_tracking(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture()
def searches(
    prepared: PreparedTable, tracking: TrackingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Searches:
    return Searches(prepared, tracking, tmp_path, monkeypatch)


def test_the_best_trial_is_found_and_mlflow_has_every_trial(searches: Searches) -> None:
    result = searches.run(pruner="none")
    assert result.num_trials == {"complete": 3}
    best = max(result.trials, key=lambda trial: trial.value or 0)
    assert (result.best_number, result.best_value, result.best_values) == (best.number, best.value, best.values)
    assert result.best.history[-1].metrics["validation_accuracy"] == best.value
    assert TrainedModel.load(searches.root / "trials" / f"{best.number:04d}" / "trained.json") == result.best
    assert SearchResult.model_validate_json(result.model_dump_json()) == result
    study = searches.client.get_run(result.run_id)
    assert study.info.status == "FINISHED"
    assert study.data.metrics["best_validation_accuracy"] == best.value
    assert study.data.params["train.batch_size"] == "32"
    assert {item.path for item in searches.client.list_artifacts(result.run_id, "figures")} == {
        "figures/search_history.png",
        "figures/setting_importance.png",
    }
    children = {run.data.tags["mlflow.runName"]: run for run in searches.children(result)}
    assert set(children) == {f"trial {number}" for number in range(3)}
    assert children[f"trial {best.number}"].data.params["optimizer.learning_rate"] == str(
        best.values["optimizer.learning_rate"]
    )
    header, *rows = tabulate_trials(result)
    assert header == ("trial", "", "validation\naccuracy", "epochs", "seconds", "settings")
    assert [row[0] for row in rows if "★" in row[0]] == [f"{best.number} ★"]


def test_the_same_call_goes_on_and_then_does_nothing_more(searches: Searches) -> None:
    settings = {"startup_trials": 2, "warmup_epochs": 0}
    first = searches.run(**settings, num_trials=3)
    more, none = CheapTraining(), CheapTraining()
    second = searches.run(more, **settings, num_trials=5)
    assert more.directories == ["0003", "0004"]
    assert second.trials[:3] == first.trials and second.run_id == first.run_id
    assert searches.run(none, **settings, num_trials=5) == second
    assert none.directories == []
    whole = searches.run(**settings, num_trials=5, study=f"{searches.root.name} whole")
    assert [outcome_of(trial) for trial in whole.trials] == [outcome_of(trial) for trial in second.trials]


def outcome_of(trial: SearchTrial) -> tuple[Any, ...]:
    return trial.number, trial.state, trial.values, trial.value, trial.num_epochs


def test_a_trial_that_was_cut_off_is_run_again(searches: Searches) -> None:
    def cut_off(directory: Path) -> None:
        if directory.name == "0002":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searches.run(CheapTraining(cut_off), pruner="none")
    (study,) = searches.client.search_runs(["1"], f"tags.`dbx_dl.study` = '{searches.root.name} torch'")
    assert study.info.status == "KILLED"
    again = CheapTraining()
    result = searches.run(again, pruner="none")
    assert again.directories == ["0002"]
    assert [trial.number for trial in result.trials] == [0, 1, 2]
    assert len(searches.children(result)) == 4


def test_a_pruned_trial_says_after_which_epoch(searches: Searches) -> None:
    space = {"optimizer.learning_rate": Dimension(choices=(0.1, 0.001))}
    seed = next(s for s in range(9) if list_points(space, s)[0] == {"optimizer.learning_rate": 0.1})
    result = searches.run(sampler="grid", space=space, seed=seed, startup_trials=1, num_trials=9)
    assert result.num_trials == {"complete": 1, "pruned": 1}
    pruned = result.trials[1]
    assert (pruned.state, pruned.num_epochs) == ("pruned", 2)
    assert pruned.value == pytest.approx(0.6 * 2 / 4)


def test_a_diverging_trial_fails_and_the_search_goes_on(searches: Searches) -> None:
    space = {"optimizer.learning_rate": Dimension(choices=(0.1, 9.0))}
    result = searches.run(sampler="grid", space=space)
    (failed,) = (trial for trial in result.trials if trial.state == "failed")
    assert failed.reason.startswith("rank 0 of 1 failed: the loss became nan")
    assert searches.run(sampler="grid", space=space) == result
    assert result.best_values == {"optimizer.learning_rate": 0.1}
    with pytest.raises(RankFailedError, match=r"none of the 2 trials .* trial 0: rank 0 of 1 failed"):
        searches.run(
            sampler="grid",
            space={"optimizer.learning_rate": Dimension(choices=(7.0, 9.0))},
            study=f"{searches.root.name} bad",
        )


def test_losses_are_minimized(searches: Searches) -> None:
    space = {"optimizer.learning_rate": Dimension(choices=(0.1, 0.001))}
    settings = {"sampler": "grid", "space": space, "metric": "validation_log_loss"}
    assert searches.run(**settings).best_values == {"optimizer.learning_rate": 0.1}
    assert module.choose_direction("validation_auc") == "maximize"


def test_a_study_of_another_search_is_refused(searches: Searches) -> None:
    searches.run(num_trials=1)
    training = CheapTraining()

    def explain(config: dict[str, Any] | None = None, **settings: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            searches.run(training, config, **settings)
        assert "name another search.study" in str(caught.value)
        return str(caught.value).partition("was made with another ")[2]

    space = {"batch_size": Dimension(choices=(8, 16))}
    assert explain(space=space).startswith("search.space.batch_size: absent then")
    assert explain(metric="train_loss").startswith("search.metric: 'validation_accuracy' then, 'train_loss' now")
    optimizer = OptimizerConfig(warmup_epochs=0.5)
    assert explain({"optimizer": optimizer}).startswith("train.optimizer.warmup_epochs: '0.0' then, '0.5' now")
    newer = searches.prepared.table.model_copy(update={"name": "another"})
    searches.prepared = searches.prepared.model_copy(update={"table": newer})
    assert explain().startswith("table: '/")
    assert training.directories == []


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        (
            {"space": {"batch_size": Dimension(low=0, high=4)}},
            ConfigError,
            "batch_size: .*greater than 0",
        ),
        (
            {"space": {"network_options.hiden_units": Dimension(choices=(1, 2))}},
            ConfigError,
            "option 'hiden_units' is unknown; did you mean 'hidden_units'",
        ),
        ({"space": {"network": Dimension(choices=("mlp", "mpl"))}}, ConfigError, "'mpl'"),
        ({"metric": "validation_acuracy"}, ConfigError, "an epoch has no 'validation_acuracy'; it has train_loss, "),
    ],
)
def test_mistakes_end_the_search(
    searches: Searches, settings: dict[str, Any], kind: type[DbxDlError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        searches.run(**settings)


def test_mistakes_of_a_trial_end_the_search_too(searches: Searches) -> None:
    def fail(directory: Path) -> None:
        raise DataError("the table is gone")

    training = CheapTraining(fail)
    with pytest.raises(DataError, match="the table is gone"):
        searches.run(training)
    assert training.directories == ["0000"]


def test_no_trial_begins_after_the_time_is_over(searches: Searches) -> None:
    assert len(searches.run(timeout_seconds=1e-3).trials) == 1


def test_trials_run_at_once_and_each_counts_once(searches: Searches) -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(directory: Path) -> None:
        both.wait()

    training = CheapTraining(meet)
    settings = {"sampler": "random", "pruner": "none", "num_trials": 4}
    result = searches.run(training, num_parallel=2, **settings)
    assert training.most_running == 2
    assert [trial.number for trial in result.trials] == [0, 1, 2, 3]
    alone = searches.run(**settings, study=f"{searches.root.name} alone")
    assert [trial.values for trial in result.trials] == [trial.values for trial in alone.trials]


def test_an_error_ends_all_trials_at_once(searches: Searches) -> None:
    def fail_second(directory: Path) -> None:
        if directory.name == "0001":
            raise DataError("the table is gone")

    with pytest.raises(DataError, match="the table is gone"):
        searches.run(CheapTraining(fail_second), num_parallel=2, num_trials=50)


def test_an_interrupt_stops_trials_that_run_at_once(searches: Searches) -> None:
    def interrupt(directory: Path) -> None:
        if directory.name == "0001":
            _thread.interrupt_main()
        if directory.name in ("0001", "0002"):
            time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        searches.run(CheapTraining(interrupt), num_parallel=2, pruner="none")
    again = CheapTraining()
    result = searches.run(again, pruner="none")
    assert set(again.directories) >= {"0001"} and len(result.trials) == 3


def test_more_trials_at_once_than_slots_are_refused(searches: Searches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "check_launch", lambda spark, config: None)
    monkeypatch.setattr(module, "count_slots", lambda spark: 5)
    with pytest.raises(SetupError, match=r"3 trials at once on 2 ranks each need 6 slots, Spark has 5: .* at most 2"):
        searches.run(config={"launcher": "spark", "num_ranks": 2}, num_parallel=3)
    with pytest.raises(ConfigError, match="horovod_spark runs one training at a time"):
        searches.run(config={"launcher": "horovod_spark", "num_ranks": 2}, num_parallel=2)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    with pytest.raises(ConfigError, match=r"3 trials at once .*in_process need .* cores .* has 2: .* at most 2"):
        searches.run(config={"launcher": "in_process"}, num_parallel=3)


def test_without_validation_rows_there_is_nothing_to_search_by(searches: Searches, tmp_path: Path) -> None:
    searches.prepared = write_feature_table(tmp_path / "t", {"train": 5})
    with pytest.raises(ConfigError, match="no rows in its validation split"):
        searches.run()

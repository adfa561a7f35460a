"""A search on real ranks: a trial that learns, one that is pruned on all its ranks, one that diverges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dbx_dl
from dbx_dl.config import Dimension, OptimizerConfig, SearchConfig, TrainConfig
from dbx_dl.contracts import PreparedTable, SearchResult
from dbx_dl.train.reports import ReportReader
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.search.space import list_points
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_feature_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM_EPOCHS = 60
RATES = {"optimizer.learning_rate": Dimension(choices=(0.05, 1e-9, 1e30))}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("table"), {"train": 120, "validation": 40, "test": 20})


def search(spark: SparkSession, prepared: PreparedTable, folder: Path, num_ranks: int, **settings: Any) -> SearchResult:
    optimizer = OptimizerConfig(name="sgd")
    config = TrainConfig(network="mlp", num_ranks=num_ranks, batch_size=8, num_epochs=NUM_EPOCHS, optimizer=optimizer)
    return dbx_dl.search_network(
        spark,
        prepared,
        config,
        SearchConfig(metric="validation_log_loss", sampler="grid", space=RATES, startup_trials=1, **settings),
        framework="torch",
        directory=str(folder / "torch"),
        tracking=open_tracking(folder),
    )


def count_epochs(directory: str) -> int:
    records = ReportReader(RunDirectory(Path(directory)).reports(0)).read_new()
    return sum(record["kind"] == "epoch" for record in records)


def test_trials_learn_are_pruned_or_fail_and_the_same_call_does_nothing_more(
    spark: SparkSession, prepared: PreparedTable, tmp_path: Path
) -> None:
    seed = next(s for s in range(99) if list_points(RATES, s)[0] == {"optimizer.learning_rate": 0.05})
    result = search(spark, prepared, tmp_path, 2, num_trials=3, seed=seed)
    by_rate = {trial.values["optimizer.learning_rate"]: trial for trial in result.trials}
    assert {rate: trial.state for rate, trial in by_rate.items()} == {0.05: "complete", 1e-9: "pruned", 1e30: "failed"}
    assert by_rate[1e-9].num_epochs == 2
    assert 2 <= count_epochs(by_rate[1e-9].directory) < NUM_EPOCHS
    assert "the loss became" in by_rate[1e30].reason
    assert result.best_number == by_rate[0.05].number and result.best.num_ranks == 2
    assert Path(result.best.weights.path).is_file()
    written = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "torch").rglob("*"))
    assert search(spark, prepared, tmp_path, 2, num_trials=3, seed=seed) == result
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "torch").rglob("*")) == written


@pytest.mark.matrix
def test_two_trials_at_once_on_parts_of_the_cluster(
    spark: SparkSession, prepared: PreparedTable, tmp_path: Path
) -> None:
    result = search(spark, prepared, tmp_path, 1, num_trials=3, pruner="none", num_parallel=2)
    assert result.num_trials == {"complete": 2, "failed": 1}
    assert result.best_values == {"optimizer.learning_rate": 0.05}

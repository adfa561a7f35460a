"""Two ranks launched on Spark, for each framework: who reads what, equal weights, results, and the MLflow run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from dbx_dl.config import CheckpointConfig, OptimizerConfig, TrackingConfig, TrainConfig
from dbx_dl.contracts import PreparedTable, TrainedModel
from dbx_dl.feed.rows import read_rows
from dbx_dl.runtime.tracking import open_client
from dbx_dl.train import run
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_feature_table, write_image_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NETWORKS = {"keras": "mlp", "torch": "convnet"}
CONFIG = TrainConfig(
    network="mlp",
    network_options={"dropout": 0.25},
    num_ranks=2,
    batch_size=16,
    num_epochs=3,
    optimizer=OptimizerConfig(learning_rate=0.01),
    checkpoint=CheckpointConfig(every_steps=2),
    report_every_steps=4,
)
# In which step, counted from 1 over all epochs, which rank is killed; of 21 steps with keras and 9 with torch.
KILLS = {"keras": (1, 12), "torch": (0, 6)}


class Trained(NamedTuple):
    """A finished training and where its files are."""

    model: TrainedModel
    directory: Path
    tracking: TrackingConfig


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedTable]:
    folder = tmp_path_factory.mktemp("tables")
    return {
        "keras": write_feature_table(folder / "features", {"train": 203, "validation": 33, "test": 41}),
        "torch": write_image_table(folder / "images", {"train": 90, "validation": 21, "test": 30}, rows_per_group=25),
    }


@pytest.fixture(scope="module", params=["keras", "torch"])
def trained(
    request: pytest.FixtureRequest,
    spark: SparkSession,
    tables: dict[str, PreparedTable],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Trained]:
    framework = request.param
    directory = tmp_path_factory.mktemp(framework)
    (directory / "reports" / "rank_0").mkdir(parents=True)
    (directory / "reports" / "rank_0" / "000001.jsonl").write_text('{"kind": "stale"}\n')
    yield train(spark, tables[framework], framework, directory, "tests.ranks.audited_worker")


def train(spark: SparkSession, prepared: PreparedTable, framework: str, directory: Path, worker: str) -> Trained:
    """A training with this worker in place of the plain one."""
    tracking = open_tracking(directory)
    config = CONFIG.model_copy(update={"network": NETWORKS[framework]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "WORKER_MODULE", worker)
        model = run.train_network(
            spark, prepared, config, framework=framework, directory=str(directory), tracking=tracking
        )
    return Trained(model, directory, tracking)


def check_killed(spark: SparkSession, undisturbed: Trained, directory: Path, rank: int, step: int) -> Trained:
    """Train as `undisturbed` was, with one rank killed in a step: weights and history must be the same."""
    (directory / "kill.json").write_text(json.dumps([rank, step]))
    prepared, framework = undisturbed.model.prepared, undisturbed.model.framework
    killed = train(spark, prepared, framework, directory, "tests.ranks.killed_worker")
    assert killed.model.num_restarts == 1
    expected, reached = (
        [path.read_bytes() for path in sorted((folder / "audit").glob("weights_*"))]
        for folder in (undisturbed.directory, directory / "launches" / "2")
    )
    assert len(reached) == 2
    assert reached == expected
    assert [e.metrics for e in killed.model.history] == [e.metrics for e in undisturbed.model.history]
    assert killed.model.metrics == undisturbed.model.metrics
    assert Path(killed.model.weights.path).read_bytes() == Path(undisturbed.model.weights.path).read_bytes()
    return killed


def passes_of(trained: Trained) -> list[list[dict[str, Any]]]:
    return [json.loads((trained.directory / "audit" / f"keys_{rank}.json").read_text()) for rank in range(2)]


def test_every_row_is_read_by_exactly_one_rank_per_epoch(trained: Trained) -> None:
    ranks = passes_of(trained)
    expected = read_rows(trained.model.prepared, "train").column(0).to_pylist()
    for epoch in (1, 2, 3):
        mine = [next(p for p in passes if p["epoch"] == epoch)["batches"] for passes in ranks]
        read = [[key for batch in batches for key in batch] for batches in mine]
        assert sorted(read[0] + read[1]) == expected
        assert len(mine[0]) == len(mine[1])
        assert min(len(keys) for keys in read) > 0
    orders = [next(p for p in ranks[0] if p["epoch"] == epoch)["batches"] for epoch in (1, 2)]
    assert orders[0] != orders[1]


def test_evaluation_reads_every_row_once(trained: Trained) -> None:
    for split, num_passes in (("validation", 3), ("test", 1)):
        expected = read_rows(trained.model.prepared, split).column(0).to_pylist()  # type: ignore[arg-type]
        mine = [[p["batches"] for p in passes if p["split"] == split] for passes in passes_of(trained)]
        assert [len(passes) for passes in mine] == [num_passes, num_passes]
        for both in zip(*mine, strict=True):
            assert [key for batches in both for batch in batches for key in batch] == expected


def test_ranks_end_with_the_same_weights(trained: Trained) -> None:
    first, second = sorted((trained.directory / "audit").glob("weights_*"))
    assert first.read_bytes() == second.read_bytes()


def test_the_model_says_what_was_reached(trained: Trained) -> None:
    model = trained.model
    assert [epoch.epoch for epoch in model.history] == [1, 2, 3]
    assert model.history[-1].metrics["train_loss"] < model.history[0].metrics["train_loss"]
    assert model.metrics["test_accuracy"] > 0.85
    assert {"test_accuracy", "test_log_loss", "test_auc", "test_f1_macro"} <= set(model.metrics)
    assert model.rows_per_second > 0
    assert model.versions["horovod"]
    assert Path(model.weights.path).is_file()
    best = max(model.history, key=lambda e: (e.metrics["validation_accuracy"], -e.metrics["validation_log_loss"]))
    assert model.best_epoch == best.epoch
    assert TrainedModel.model_validate_json(model.model_dump_json()) == model


def test_predictions_of_the_test_split_are_in_key_order(trained: Trained) -> None:
    with np.load(trained.directory / "test_predictions.npz", allow_pickle=False) as arrays:
        keys, labels, probabilities = arrays["keys"], arrays["labels"], arrays["probabilities"]
    rows = read_rows(trained.model.prepared, "test")
    assert keys.tolist() == rows.column(0).to_pylist()
    assert labels.tolist() == rows.column("label_index").to_pylist()
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    assert accuracy == pytest.approx(trained.model.metrics["test_accuracy"])


def test_the_mlflow_run_holds_everything(trained: Trained) -> None:
    client = open_client(trained.tracking.uri)
    found = client.get_run(trained.model.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["optimizer.learning_rate"] == "0.01"
    assert found.data.params["num_ranks"] == "2"
    assert found.data.tags["dbx_dl.table_version"] == str(trained.model.prepared.table.version)
    assert found.data.tags["dbx_dl.horovod_size"] == "2"
    losses = client.get_metric_history(trained.model.run_id, "train_loss")
    assert [(m.step, m.value) for m in losses] == [(e.epoch, e.metrics["train_loss"]) for e in trained.model.history]
    steps = [m.step for m in client.get_metric_history(trained.model.run_id, "step_loss")]
    assert steps == list(range(4, 1 + 3 * -(-trained.model.prepared.split_rows["train"] // 32), 4))
    for rank in range(2):
        shares = client.get_metric_history(trained.model.run_id, f"rank_{rank}/wait_share")
        assert [m.step for m in shares] == [1, 2, 3]
        assert all(0 <= m.value < 1 for m in shares)
        assert found.data.metrics[f"rank_{rank}/memory_bytes"] > 1e6
    assert found.data.metrics["test_accuracy"] == trained.model.metrics["test_accuracy"]
    (dataset,) = found.inputs.dataset_inputs
    assert json.loads(dataset.dataset.source)["delta_table_version"] == trained.model.prepared.table.version
    artifacts = {item.path for item in client.list_artifacts(trained.model.run_id, "figures")}
    expected = {"figures/learning_curves.png", "figures/confusion_matrix.png"}
    if trained.model.prepared.inputs.kind == "images":
        expected.add("figures/sample_predictions.png")
    assert artifacts == expected
    assert [item.path for item in client.list_artifacts(trained.model.run_id) if not item.is_dir] == ["job.json"]


# A restart is the same with both frameworks; that each goes on bit for bit is seen in tests/numerics.
@pytest.mark.parametrize("trained", ["torch", pytest.param("keras", marks=pytest.mark.matrix)], indirect=True)
def test_a_killed_rank_costs_a_restart_and_changes_nothing(
    spark: SparkSession, trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rank, step = KILLS[trained.model.framework]
    with caplog.at_level("INFO"):
        killed = check_killed(spark, trained, tmp_path, rank, step)
    assert f"rank {rank} of 2 failed: its process was killed by signal 9 (SIGKILL)" in caplog.text
    assert "restart 1 of 1" in caplog.text
    assert "going on at epoch 2, step" in caplog.text
    client = open_client(killed.tracking.uri)
    (found,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert (found.info.run_id, found.info.status) == (killed.model.run_id, "FINISHED")
    assert found.data.tags["dbx_dl.num_restarts"] == "1"
    assert [m.step for m in client.get_metric_history(found.info.run_id, "train_loss")] == [1, 2, 3]


@pytest.mark.matrix
@pytest.mark.parametrize("number", range(5))
def test_any_rank_may_be_killed_in_any_step(spark: SparkSession, trained: Trained, tmp_path: Path, number: int) -> None:
    num_steps = -(-trained.model.prepared.split_rows["train"] // 32) * 3
    rank, step = random.randrange(2), random.randrange(1, num_steps + 1)
    print(f"rank {rank} is killed in step {step} of {num_steps}")
    check_killed(spark, trained, tmp_path, rank, step)


def test_what_an_earlier_run_left_is_gone(trained: Trained) -> None:
    first = (trained.directory / "reports" / "rank_0" / "000001.jsonl").read_text()
    assert json.loads(first)["kind"] == "started"

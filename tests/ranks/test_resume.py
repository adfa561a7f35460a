"""A training on one rank that was killed goes on in another call, in its own MLflow run, with the same config only."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from dbx_dl.config import CheckpointConfig, OptimizerConfig, StartConfig, TrainConfig, UnfreezeConfig
from dbx_dl.contracts import PreparedTable, TrainedModel
from dbx_dl.errors import ConfigError, RankFailedError, RankLostError
from dbx_dl.runtime.tracking import open_client
from dbx_dl.train import run
from dbx_dl.train.checkpoint_files import name_checkpoint, open_checkpoint
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.outbox import Message, Unsent
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.tracking import send_kept
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_feature_table

NO_SPARK: Any = None
CONFIG = TrainConfig(
    network="mlp",
    network_options={"dropout": 0.25},
    launcher="in_process",
    batch_size=16,
    num_epochs=3,
    optimizer=OptimizerConfig(learning_rate=0.01),
    checkpoint=CheckpointConfig(every_steps=2, max_restarts=0),
)


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedTable:
    return write_feature_table(tmp_path / "table", {"train": 90, "validation": 21, "test": 30})


def train(prepared: PreparedTable, folder: Path, **changes: Any) -> TrainedModel:
    tracking = open_tracking(folder)
    config = CONFIG.model_copy(update=changes)
    return run.train_network(
        NO_SPARK,
        prepared,
        config,
        framework="torch",
        directory=str(folder / "run"),
        tracking=tracking,
        resume=True,
    )


def test_a_killed_training_goes_on_in_another_call(
    prepared: PreparedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run, "WORKER_MODULE", "tests.ranks.killed_worker")
    files = RunDirectory(tmp_path / "run")
    files.root.mkdir()
    (files.root / "kill.json").write_text(json.dumps([0, 10]))
    caplog.set_level(logging.INFO)
    with pytest.raises(RankLostError, match="killed by signal 9"):
        train(prepared, tmp_path)
    assert "has no training to go on with: it starts from the beginning" in caplog.text
    with pytest.raises(ConfigError, match=r"its train\.optimizer\.learning_rate was 0\.01 and is now 0\.02"):
        train(prepared, tmp_path, optimizer=OptimizerConfig(learning_rate=0.02))

    model = train(prepared, tmp_path)
    start = TrainingJob.load(files.launch(2).job).start
    assert start is not None
    assert Path(start).name == "epoch_0002_step_000002"
    assert "going on at epoch 2, step 3" in caplog.text
    assert (model.num_restarts, len(model.history)) == (1, 3)
    client = open_client(model.tracking_uri)
    (found,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert (found.info.run_id, found.info.status) == (model.run_id, "FINISHED")
    for name in ("train_loss", "epoch_seconds"):
        assert [m.step for m in client.get_metric_history(model.run_id, name)] == [1, 2, 3]

    # What has ended is not trained again.
    again = train(prepared, tmp_path)
    assert again == model
    assert files.count_launches() == 2

    # What was kept while MLflow was away is logged later.
    late = Message(kind="metrics", time_ms=1, step=4, metrics={"train_loss": 0.5})
    kept = Unsent(run_id=model.run_id, tracking_uri=model.tracking_uri, messages=(late,))
    kept.save(files.unsent)
    assert [send_kept(str(files.root), tracking=open_tracking(tmp_path)) for _ in range(2)] == [1, 0]
    assert {m.step for m in client.get_metric_history(model.run_id, "train_loss")} == {1, 2, 3, 4}


@pytest.mark.matrix
def test_a_loss_that_is_not_finite_names_its_rows_and_is_not_tried_again(
    prepared: PreparedTable, tmp_path: Path
) -> None:
    expected = r"the loss became (nan|inf) in epoch \d+, step \d+, .*rows train-\d+"
    with pytest.raises(RankFailedError, match=expected) as caught:
        train(
            prepared,
            tmp_path,
            optimizer=OptimizerConfig(name="sgd", learning_rate=1e30),
            checkpoint=CheckpointConfig(max_restarts=3),
        )
    assert not isinstance(caught.value, RankLostError)
    assert RunDirectory(tmp_path / "run").count_launches() == 1


@pytest.mark.matrix
def test_a_training_starts_from_another_ones_weights_and_keeps_what_is_frozen(
    prepared: PreparedTable, tmp_path: Path
) -> None:
    first = train(prepared, tmp_path)
    first.save(tmp_path / "trained.json")
    (tmp_path / "second").mkdir()
    start = StartConfig(weights=str(tmp_path / "trained.json"))
    with pytest.raises(ConfigError, match=r"'9' matches no layer; layers with weights are dense_1, dense_2, logits"):
        train(prepared, tmp_path / "second", start=start, freeze=("9",))
    second = train(prepared, tmp_path / "third", start=start, freeze=("dense*",), seed=5)
    stage = UnfreezeConfig(epoch=3, layers=("dense_2",), learning_rate=1e-4)
    (tmp_path / "fourth").mkdir()
    kept = CheckpointConfig(keep_last=2)
    train(prepared, tmp_path / "fourth", start=start, freeze=("dense*",), unfreeze=(stage,), checkpoint=kept)
    before, after = (load_file(model.weights.path) for model in (first, second))
    is_same = {name: np.array_equal(before[name], after[name]) for name in before}
    assert is_same == {name: not name.startswith("logits.") for name in before}
    folder = RunDirectory(tmp_path / "fourth" / "run").checkpoints
    middle, last = (open_checkpoint(folder / name_checkpoint(epoch, 0)).read_shared() for epoch in (3, 4))
    moved = {name for name in before if not np.array_equal(middle[f"network/{name}"], before[name])}
    assert moved == {"logits.weight", "logits.bias"}
    moves = {
        name: float(np.abs(last[f"network/{name}"] - before[name]).max())
        for name in ("dense_1.weight", "dense_2.weight")
    }
    assert moves["dense_1.weight"] == 0
    # Six steps of Adam, each about as large as the rate.
    assert 1e-4 < moves["dense_2.weight"] < 7e-4
    assert second.history[0].metrics["train_loss"] < first.history[0].metrics["train_loss"]

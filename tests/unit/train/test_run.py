"""Requests that are refused before a run or a process is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import TrackingConfig, TrainConfig
from dbx_dl.contracts import EpochMetrics, PreparedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.train import run
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.run import describe_epoch, train_network
from dbx_dl.train.run_directory import RunDirectory
from tests.prepared_tables import SPEC, describe, write_feature_table

NO_SPARK: Any = None


def train(
    prepared: PreparedTable, tmp_path: Path, framework: str = "torch", batch_size: int = 32, **changes: Any
) -> None:
    config = TrainConfig(network="mlp", launcher="in_process", batch_size=batch_size)
    tracking = TrackingConfig(uri=f"sqlite:///{tmp_path}/mlflow.db")
    directory = str(tmp_path / "run")
    train_network(NO_SPARK, prepared, config, framework=framework, directory=directory, tracking=tracking, **changes)


def test_what_cannot_be_trained_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 5})
    with pytest.raises(ConfigError, match="unknown framework 'jax': choose one of keras, torch"):
        train(prepared, tmp_path, "jax")
    with pytest.raises(DataError, match=r"one class only \(yes\)"):
        train(describe(tmp_path / "t", 0, {"train": 5}, SPEC, ("yes",)), tmp_path)
    with pytest.raises(DataError, match="no rows in its train split"):
        train(describe(tmp_path / "t", 0, {"test": 5}, SPEC, ("no", "yes")), tmp_path)
    with pytest.raises(ConfigError, match=r"batch_size is 4097, .* has 5 rows: nearly all .* set it to 5 at most"):
        train(prepared, tmp_path, batch_size=4097)
    with pytest.raises(DataError, match="version 7"):
        train(describe(tmp_path / "t", 7, {"train": 5}, SPEC, ("no", "yes")), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_refused_resume_reads_and_writes_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 5})
    monkeypatch.setattr(run, "make_readable", lambda *arguments: pytest.fail("the table was staged"))
    files = RunDirectory(tmp_path / "run")
    files.clear()
    earlier = TrainConfig(network="mlp", launcher="in_process", num_epochs=99)
    TrainingJob(prepared=prepared, config=earlier, framework="torch", directory=str(files.root)).save(files.job)
    with pytest.raises(ConfigError, match=r"cannot go on: its train.num_epochs was 99 and is now 10"):
        train(prepared, tmp_path, resume=True)
    assert files.job.exists()


def test_the_progress_line() -> None:
    metrics = {"train_loss": 0.123456, "validation_accuracy": 0.97, "validation_log_loss": 0.2}
    epoch = EpochMetrics(epoch=3, metrics=metrics, seconds=1.0, rows_per_second=2345.4)
    assert describe_epoch("keras", epoch, 10) == (
        "[keras] epoch 3/10 loss 0.1235 validation accuracy 0.9700 · 2,345 rows/s"
    )
    plain = EpochMetrics(epoch=1, metrics={"train_loss": 2.0}, seconds=1.0, rows_per_second=10)
    assert describe_epoch("torch", plain, 2) == "[torch] epoch 1/2 loss 2 · 10 rows/s"

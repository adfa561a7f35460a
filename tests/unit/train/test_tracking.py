"""What is logged and kept of the tracking store has no password, and a run in a store with one is found again."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from mlflow import MlflowClient

from dbx_dl.config import TrackingConfig, TrainConfig
from dbx_dl.errors import ConfigError
from dbx_dl.runtime.tracking import open_client
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.outbox import KnownRun, Message, Unsent
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.tracking import _reopen_run, send_kept, track_run
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_feature_table


def test_a_resumed_training_without_a_run_there_names_the_store_without_its_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracking = TrackingConfig(uri="postgresql://u:SECRET@h/db")
    assert _reopen_run(cast(MlflowClient, None), tracking, RunDirectory(tmp_path)) is None
    assert "has no run in postgresql://***@h/db" in caplog.text


def test_a_run_in_a_store_with_a_secret_is_found_again_by_files_without_it(tmp_path: Path) -> None:
    # A local store of whose address a part is hidden, as a server's password is.
    tracking = open_tracking(tmp_path / "password=SECRET")
    files = RunDirectory(tmp_path / "run")
    prepared = write_feature_table(tmp_path / "table", {"train": 8, "test": 4})
    config = TrainConfig(network="mlp", launcher="in_process")
    job = TrainingJob(prepared=prepared, config=config, framework="torch", directory=str(files.root))
    with track_run(tracking, job, files) as first:
        pass
    late = Message(kind="metrics", time_ms=1, step=4, metrics={"train_loss": 0.5})
    Unsent(run_id=first.run_id, tracking_uri=tracking.uri, messages=(late,)).save(files.unsent)
    for path in (files.tracked_run, files.unsent):
        assert "password=***" in path.read_text() and "SECRET" not in path.read_text()
    other = open_tracking(tmp_path / "other")
    with pytest.raises(ConfigError, match=rf"of MLflow run {first.run_id} in sqlite:.*password=\*\*\*, .* is sqlite:"):
        send_kept(str(files.root), tracking=other)
    assert [send_kept(str(files.root), tracking=tracking) for _ in range(2)] == [1, 0]
    client = open_client(tracking.uri)
    assert [found.step for found in client.get_metric_history(first.run_id, "train_loss")] == [4]
    with track_run(tracking, job, files, is_resumed=True) as again:
        assert again.run_id == first.run_id


def test_files_of_before_with_a_password_are_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "mlflow_run.json"
    path.write_text('{"run_id": "r", "tracking_uri": "http://u:SECRET@h:5000"}')
    assert KnownRun.load(path).tracking_uri == "http://***@h:5000"

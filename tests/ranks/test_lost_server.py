"""MLflow's server goes away while a rank trains: training ends, and what MLflow lacks is logged when it is back."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import OptimizerConfig, TrackingConfig, TrainConfig
from dbx_dl.runtime.tracking import open_client
from dbx_dl.train import run
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.tracking import send_kept
from tests.prepared_tables import write_feature_table

NO_SPARK: Any = None


@contextmanager
def serve(folder: Path, port: int) -> Iterator[int]:
    """MLflow's own server over a database in the folder; gives the id of its process group."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen([*command, *stores], start_new_session=True, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                break
            assert server.poll() is None and time.monotonic() < deadline, (folder / "server.log").read_text()
            time.sleep(0.2)
        yield server.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.mark.matrix
def test_a_lost_server_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prepared = write_feature_table(tmp_path / "table", {"train": 90, "validation": 21, "test": 30})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tracking = TrackingConfig(uri=f"http://u:SECRET@127.0.0.1:{port}")
    config = TrainConfig(
        network="mlp",
        launcher="in_process",
        batch_size=16,
        num_epochs=4,
        optimizer=OptimizerConfig(learning_rate=0.01),
        report_every_steps=2,
    )
    files = RunDirectory(tmp_path / "run")
    files.root.mkdir()
    monkeypatch.setattr(run, "WORKER_MODULE", "tests.ranks.killed_worker")
    with serve(tmp_path, port) as server, caplog.at_level(logging.INFO):
        (files.root / "kill_server.json").write_text(json.dumps([server, 8]))
        model = run.train_network(
            NO_SPARK, prepared, config, framework="torch", directory=str(files.root), tracking=tracking
        )
    assert len(model.history) == 4
    assert "MLflow does not answer" in caplog.text
    assert "log them with `dbx-dl log`" in caplog.text
    assert files.unsent.exists()
    for path in files.root.glob("**/*.json"):
        assert "SECRET" not in path.read_text(), path
    with serve(tmp_path, port):
        assert send_kept(str(files.root), tracking=tracking) > 0
        client = open_client(tracking.uri)
        found = client.get_run(model.run_id)
        assert found.info.status == "FINISHED"
        assert [m.step for m in client.get_metric_history(model.run_id, "train_loss")] == [1, 2, 3, 4]
        steps = [m.step for m in client.get_metric_history(model.run_id, "step_loss")]
        assert steps == list(range(2, 25, 2))
        assert found.data.metrics["test_accuracy"] == model.metrics["test_accuracy"]
        assert {item.path for item in client.list_artifacts(model.run_id, "figures")} >= {"figures/learning_curves.png"}
    assert send_kept(str(files.root), tracking=tracking) == 0

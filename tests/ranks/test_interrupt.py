"""Ctrl-C in the driver: the ranks end, and the MLflow run is FAILED."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from dbx_dl.runtime.tracking import open_client
from tests.mlflow_databases import put_database
from tests.prepared_tables import write_feature_table
from tests.ranks.observing import is_running, read_reports, wait_until

DRIVER = """
import sys
from dbx_dl.config import SparkConfig, TrackingConfig, TrainConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.runtime.spark import open_session
from dbx_dl.train import run

run.WORKER_MODULE = "tests.ranks.waiting_worker"
folder = sys.argv[1]
run.train_network(
    open_session(SparkConfig(driver_memory="1g"), "interrupted"),
    PreparedTable.load(f"{folder}/prepared.json"),
    TrainConfig(network="mlp", num_ranks=2),
    framework="torch",
    directory=f"{folder}/run",
    tracking=TrackingConfig(uri=f"sqlite:///{folder}/mlflow.db", artifacts=f"{folder}/artifacts"),
)
"""


def test_an_interrupt_ends_ranks_and_run(tmp_path: Path) -> None:
    write_feature_table(tmp_path / "table", {"train": 9}).save(tmp_path / "prepared.json")
    put_database(tmp_path / "mlflow.db")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    with (tmp_path / "driver.log").open("wb") as log:
        command = [sys.executable, "-c", DRIVER, str(tmp_path)]
        driver = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        records = wait_until(lambda: all(found := read_reports(tmp_path / "run")) and found)
        driver.send_signal(signal.SIGINT)
        assert driver.wait(120) != 0
    finally:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_running(mine[0]["pid"]) for mine in records), 30)
    assert "KeyboardInterrupt" in (tmp_path / "driver.log").read_text()
    client = open_client(f"sqlite:///{tmp_path}/mlflow.db")
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FAILED"

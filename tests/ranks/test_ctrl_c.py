"""Ctrl-C in a terminal: the command is quiet and ends with 130, no process is left, no contract, the run is FAILED."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from dbx_dl.config import TrainConfig
from dbx_dl.demo import digits_run
from dbx_dl.runtime.tracking import open_client
from tests.e2e.conftest import write_config
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_feature_table
from tests.ranks.observing import read_reports, wait_until

MARK = "DBX_DL_TEST_MARK"
# One rank in a process beside the driver needs no Spark; test_interrupt has two of them on Spark.
COMMAND = """
from dbx_dl.cli import main
from dbx_dl.runtime import spark
from dbx_dl.train import run

spark.open_session = lambda config, app_name: None
run.WORKER_MODULE = "tests.ranks.waiting_worker"
main("train")
"""


def test_an_interrupted_training_leaves_no_process_and_no_half_model(tmp_path: Path) -> None:
    tracking = open_tracking(tmp_path)
    train = TrainConfig(network="mlp", launcher="in_process")
    config = digits_run(tmp_path).model_copy(update={"frameworks": ("torch",), "tracking": tracking, "train": train})
    directory = Path(config.directory)
    write_feature_table(tmp_path / "table", {"train": 9}).save(directory / "prepared.json")
    path = write_config(config, tmp_path / "run.yml")
    exit_code = _press_ctrl_c(path, lambda: read_reports(directory / "torch", 1)[0])
    said = (tmp_path / "command.log").read_text()
    assert exit_code == 130, said
    assert "Traceback" not in said and "error:" not in said
    assert not (directory / "torch" / "trained.json").exists()
    client = open_client(tracking.uri)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FAILED"


def _press_ctrl_c(config: Path, is_time: Callable[[], Any]) -> int:
    """Start the command, interrupt all of its process group as a terminal does, and wait until nothing of it lives."""
    mark = uuid4().hex
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), MARK: mark}
    command = [sys.executable, "-c", COMMAND, "--config", str(config)]
    with (config.parent / "command.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=config.parent, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(is_time)
        os.killpg(process.pid, signal.SIGINT)
        exit_code = process.wait(120)
        wait_until(lambda: not _list_processes(mark), 30)
    finally:
        for pid in _list_processes(mark):
            os.kill(pid, signal.SIGKILL)
    return exit_code


def _list_processes(mark: str) -> list[int]:
    """All processes that inherited the mark, in whatever group or session they are; zombies have no environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found

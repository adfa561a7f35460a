"""An executor's JVM is killed while ranks train: Spark starts another one, and training goes on from a checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from dbx_dl.contracts import TrainedModel
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.run_directory import RunDirectory
from tests.prepared_tables import write_feature_table

DRIVER = """
import logging
import sys
from pathlib import Path

from dbx_dl.config import CheckpointConfig, SparkConfig, TrackingConfig, TrainConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.runtime.spark import open_session
from dbx_dl.train import run

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
run.WORKER_MODULE = "tests.ranks.killed_worker"
folder = Path(sys.argv[1])
settings = {"spark.executor.cores": "1"}
spark = open_session(SparkConfig(master="local-cluster[2,1,1024]", driver_memory="1g", settings=settings), "executors")
checkpoint = CheckpointConfig(every_steps=2)
run.train_network(
    spark,
    PreparedTable.load(folder / "prepared.json"),
    TrainConfig(network="mlp", num_ranks=2, batch_size=16, num_epochs=3, checkpoint=checkpoint),
    framework="torch",
    directory=str(folder / "run"),
    tracking=TrackingConfig(uri=f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "artifacts")),
).save(folder / "trained.json")
spark.stop()
"""


@pytest.mark.matrix
def test_a_lost_executor_costs_a_restart(tmp_path: Path) -> None:
    write_feature_table(tmp_path / "table", {"train": 90, "validation": 21, "test": 30}).save(
        tmp_path / "prepared.json"
    )
    files = RunDirectory(tmp_path / "run")
    files.root.mkdir()
    (files.root / "kill_executor.json").write_text(json.dumps([1, 6]))
    home = tmp_path / "spark"
    home.mkdir()
    for entry in Path(pyspark.__file__).parent.iterdir():
        if entry.name != "work":
            (home / entry.name).symlink_to(entry)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    command = [sys.executable, "-c", DRIVER, str(tmp_path)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=550, check=False)
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]
    assert "restart 1 of 1" in finished.stdout
    model = TrainedModel.load(tmp_path / "trained.json")
    assert (model.num_restarts, len(model.history)) == (1, 3)
    start = TrainingJob.load(files.launch(2).job).start
    # Ranks train on until Spark's daemon has noticed that its executor is gone.
    assert start is not None
    assert Path(start).name >= "epoch_0002_step_000001"

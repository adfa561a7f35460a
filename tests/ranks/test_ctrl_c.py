"""Ctrl-C in a terminal: the command is quiet and ends with 130, no process is left, and nothing is half-written."""

from __future__ import annotations

from pathlib import Path

import pytest
from deltalake import DeltaTable

from dbx_dl.config import RunConfig, SparkConfig, TrainConfig
from dbx_dl.contracts import TrainedModel
from dbx_dl.demo import digits_run, write_demo_data
from dbx_dl.runtime.tracking import open_client
from dbx_dl.train.checkpoint_files import find_latest
from dbx_dl.train.run_directory import RunDirectory
from tests.e2e.conftest import run_python, write_config
from tests.mlflow_databases import open_tracking, put_database
from tests.prepared_tables import write_feature_table
from tests.ranks.observing import read_reports
from tests.ranks.pressing import Pressed, press_ctrl_c

# Ranks that report once and wait. One in a process beside the driver needs no Spark.
TRAIN = """
from dbx_dl.cli import main
from dbx_dl.runtime import spark
from dbx_dl.train import run

run.WORKER_MODULE = "tests.ranks.waiting_worker"
if NUM_RANKS == 1:
    spark.open_session = lambda config, app_name: None
main("train")
"""
CLI = ("-c", "from dbx_dl.cli import main; main()")


def _assert_quiet(pressed: Pressed) -> None:
    assert pressed.exit_code == 130, pressed.printed
    for word in ("Traceback", "error", "Exception", "WARN"):
        assert word not in pressed.printed


def _read_statuses(config: RunConfig) -> list[str]:
    client = open_client(config.tracking.uri)
    return [run.info.status for run in client.search_runs([it.experiment_id for it in client.search_experiments()])]


@pytest.mark.parametrize(("launcher", "num_ranks"), [("in_process", 1), ("spark", 2)])
def test_an_interrupted_training_leaves_no_process_and_no_half_model(
    launcher: str, num_ranks: int, tmp_path: Path
) -> None:
    train = TrainConfig.model_validate({"network": "mlp", "launcher": launcher, "num_ranks": num_ranks})
    parts = {"frameworks": ("torch",), "tracking": open_tracking(tmp_path), "train": train}
    config = digits_run(tmp_path).model_copy(update={**parts, "spark": SparkConfig(driver_memory="1g")})
    directory = Path(config.directory)
    write_feature_table(tmp_path / "table", {"train": 9}).save(directory / "prepared.json")
    command = ["-c", TRAIN.replace("NUM_RANKS", str(num_ranks)), "--config"]
    path = write_config(config, tmp_path / "run.yml")
    pressed = press_ctrl_c([*command, str(path)], tmp_path, lambda: all(read_reports(directory / "torch", num_ranks)))
    _assert_quiet(pressed)
    assert not (directory / "torch" / "trained.json").exists()
    assert list((directory / "torch").glob(".*")) == []
    assert _read_statuses(config) == ["FAILED"]


@pytest.mark.matrix
def test_interrupted_stages_leave_what_was_before_and_go_on_from_there(tmp_path: Path) -> None:
    write_demo_data(tmp_path)
    put_database(tmp_path / "mlflow.db")
    train = {"network": "convnet", "num_ranks": 2, "num_epochs": 40, "checkpoint": {"every_steps": 10}}
    changes = {"frameworks": ("torch",), "train": TrainConfig.model_validate(train)}
    config = digits_run(tmp_path).model_copy(update=changes)
    table, directory = Path(config.prepare.table), Path(config.directory)
    options = ("--config", str(write_config(config, tmp_path / "run.yml")))
    # While rows are written: a table without a version, or with all of its rows.
    _assert_quiet(press_ctrl_c((*CLI, "prepare", *options), tmp_path, lambda: any(table.glob("**/*.parquet"))))
    assert not (directory / "prepared.json").exists()
    assert not DeltaTable.is_deltatable(str(table)) or DeltaTable(str(table)).to_pyarrow_table().num_rows == 1797
    assert run_python(*CLI, "prepare", *options, directory=tmp_path).returncode == 0
    assert DeltaTable(str(table)).to_pyarrow_table().num_rows == 1797
    # While ranks train: no model, and the next training goes on from a whole checkpoint.
    checkpoints = RunDirectory(directory / "torch").checkpoints
    _assert_quiet(press_ctrl_c((*CLI, "train", *options), tmp_path, lambda: find_latest(checkpoints)))
    assert not (directory / "torch" / "trained.json").exists()
    assert _read_statuses(config) == ["FAILED"]
    resumed = run_python(*CLI, "train", "--resume", *options, directory=tmp_path)
    assert resumed.returncode == 0 and "going on at" in resumed.stderr, resumed.stderr
    assert len(TrainedModel.load(directory / "torch" / "trained.json").history) == 40

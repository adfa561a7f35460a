"""The run directory is cleared of an earlier training and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.errors import RankFailedError
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.worker import require_latest
from tests.prepared_tables import SPEC, describe


def check_only_the_latest_launch_writes(files: RunDirectory) -> None:
    """Of two launches the first one may write no more."""
    prepared = describe(files.root, 0, {"train": 5}, SPEC, ("no", "yes"))
    config = TrainConfig(network="mlp")
    job = TrainingJob(prepared=prepared, config=config, framework="torch", directory=str(files.root), launch=2)
    require_latest(job)
    with pytest.raises(RankFailedError, match="launch 2 goes on with this training: launch 1 ends here"):
        require_latest(job.model_copy(update={"launch": 1}))


def test_clearing_removes_only_what_training_wrote(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path / "run")
    files.clear()
    for path in (
        files.reports(0) / "000001.jsonl",
        files.output(1) / "000001.jsonl",
        files.failure(1),
        files.result,
        files.job,
        files.unsent,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    files.weights(".npz").write_text("old")
    files.weights(".safetensors").write_text("old")
    files.test_predictions.write_text("old")
    for path in (files.launch(2).job, files.checkpoints / "epoch_0001_step_000000" / "manifest.json"):
        path.parent.mkdir(parents=True)
        path.write_text("old")
    assert files.count_launches() == 2
    check_only_the_latest_launch_writes(files)
    (files.root / "trained.json").write_text("kept")
    files.clear()
    assert [path.name for path in files.root.iterdir()] == ["trained.json"]
    assert files.count_launches() == 0

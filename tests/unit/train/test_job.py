"""The run directory is cleared of an earlier training and of nothing else."""

from __future__ import annotations

from pathlib import Path

from dbx_dl.train.job import RunDirectory


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
    (files.root / "trained.json").write_text("kept")
    files.clear()
    assert [path.name for path in files.root.iterdir()] == ["trained.json"]
    assert files.count_launches() == 0

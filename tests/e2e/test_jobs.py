"""Jobs on a small run of their own: contracts on disk are all that a job has of the one before it."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from dbx_dl.contracts import OnnxModel, PreparedTable, Promotion, RegisteredModel, ScoredTable, TrainedModel
from tests.e2e.conftest import ROOT, make_small_run, run_python, start_process, write_config

NUM_FILES_PER_CLASS = 12
NUM_BROKEN = 4


def test_jobs_hand_each_other_contracts(tmp_path: Path) -> None:
    run = make_small_run(tmp_path / "run", "torch", NUM_FILES_PER_CLASS)
    config = write_config(run, tmp_path / "run.yml")
    place = Path(run.directory)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    # Two processes in turn, so that no job has anything in memory of the one before it.
    with start_process(tmp_path / "first") as first, start_process(tmp_path / "second") as second:
        for call, job in zip(cycle((first, second)), ("prepare", "train", "export", "register", "score")):
            printed = call(str(ROOT / "jobs" / f"{job}.py"), "--config", str(config), directory=tmp_path)
            assert printed.returncode == 0, f"{job}: {printed.stderr[-2000:]}"
    assert PreparedTable.load(place / "prepared.json").num_rows == 10 * NUM_FILES_PER_CLASS
    assert len(TrainedModel.load(place / "torch" / "trained.json").history) == 2
    assert OnnxModel.load(place / "torch" / "onnx.json").parity.max_abs_difference <= 1e-4
    assert RegisteredModel.load(place / "torch" / "registered.json").version == 1
    assert Promotion.load(place / "promotion.json").champion_version == 1
    scored = ScoredTable.load(place / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (10 * NUM_FILES_PER_CLASS + NUM_BROKEN, NUM_BROKEN)


def test_a_job_that_cannot_begin_says_so_and_fails(tmp_path: Path) -> None:
    """What is wrong later is told alike, see test_bad_input: a job is the command."""
    config = tmp_path / "nowhere.yml"
    printed = run_python(str(ROOT / "jobs" / "train.py"), "--config", str(config), directory=tmp_path)
    assert printed.returncode == 1
    said = printed.stderr.splitlines()[-1]
    assert said.startswith("error: ") and str(config) in said
    assert "Traceback" not in printed.stderr

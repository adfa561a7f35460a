"""Every job in a fresh process on a small run of its own: contracts on disk are all that they share."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.config import RunConfig
from dbx_dl.contracts import OnnxModel, PreparedTable, Promotion, RegisteredModel, ScoredTable, TrainedModel
from tests.e2e.conftest import ROOT, make_small_run, run_python, write_config

NUM_FILES_PER_CLASS = 12
NUM_BROKEN = 4


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A few images per class, trained with PyTorch."""
    return make_small_run(tmp_path_factory.mktemp("jobs"), "torch", NUM_FILES_PER_CLASS)


def test_jobs_hand_each_other_contracts(small_run: RunConfig, tmp_path: Path) -> None:
    config = write_config(small_run, tmp_path / "run.yml")
    place = Path(small_run.directory)
    for job in ("prepare", "train", "export", "register", "score"):
        printed = run_python(str(ROOT / "jobs" / f"{job}.py"), "--config", str(config), directory=tmp_path)
        assert printed.returncode == 0, f"{job}: {printed.stderr[-2000:]}"
    assert PreparedTable.load(place / "prepared.json").num_rows == 10 * NUM_FILES_PER_CLASS
    assert len(TrainedModel.load(place / "torch" / "trained.json").history) == 2
    assert OnnxModel.load(place / "torch" / "onnx.json").parity.max_abs_difference <= 1e-4
    assert RegisteredModel.load(place / "torch" / "registered.json").version == 1
    assert Promotion.load(place / "promotion.json").champion_version == 1
    scored = ScoredTable.load(place / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (10 * NUM_FILES_PER_CLASS + NUM_BROKEN, NUM_BROKEN)


def test_a_job_without_its_predecessor_says_so(small_run: RunConfig, tmp_path: Path) -> None:
    moved = small_run.model_copy(update={"directory": str(tmp_path / "elsewhere")})
    config = write_config(moved, tmp_path / "run.yml")
    printed = run_python(str(ROOT / "jobs" / "train.py"), "--config", str(config), directory=tmp_path)
    assert printed.returncode == 1
    said = printed.stderr.splitlines()[-1]
    assert said.startswith("error: ")
    assert said.endswith("prepared.json does not exist: run the stage that writes it first")
    assert "Traceback" not in printed.stderr

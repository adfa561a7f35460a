"""The notebooks run in order as plain scripts, each in a fresh process, on the demo's images."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.contracts import Promotion, ScoredTable
from dbx_dl.demo import digits_run
from tests.e2e.conftest import ROOT, DemoRun, run_python, write_config

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the demo

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]_*.py"))


def test_notebooks_take_a_run_the_whole_way(demo: DemoRun, tmp_path: Path) -> None:
    config = digits_run(tmp_path, quick=True)
    train = config.train.model_copy(update={"num_epochs": 2})
    config = config.model_copy(
        update={
            "frameworks": ("keras",),
            "train": train,
            "prepare": config.prepare.model_copy(update={"source": demo.digits.prepare.source}),
            "score": config.score.model_copy(update={"source": demo.digits.score.source}),
            "registry": config.registry.model_copy(update={"threshold": None}),
        }
    )
    path = write_config(config, tmp_path / "run.yml")
    assert [notebook.stem for notebook in NOTEBOOKS] == ["1_prepare", "2_train", "3_export", "4_register", "5_score"]
    printed = {}
    for notebook in NOTEBOOKS:
        result = run_python(str(notebook), directory=tmp_path, DBX_DL_CONFIG=str(path))
        assert result.returncode == 0, f"{notebook.name}: {result.stderr[-2000:]}"
        printed[notebook.stem] = result.stdout
    assert "truncated" in printed["1_prepare"]
    assert "probabilities" in printed["3_export"]
    assert Promotion.load(Path(config.directory) / "promotion.json").champion_version == 1
    assert ScoredTable.load(Path(config.directory) / "scored.json").num_errors == 4

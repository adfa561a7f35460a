"""The notebooks run in order as plain scripts on one Spark session, as on a cluster, on a small run of their own."""

from __future__ import annotations

from pathlib import Path

from dbx_dl.contracts import Promotion, ScoredTable
from tests.e2e.conftest import ROOT, make_small_run, run_python, write_config

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]_*.py"))
NUM_FILES_PER_CLASS = 30

# Each with names of its own; what they share is what a cluster's notebooks share.
RUN_ALL = """
import runpy, sys
for path in sys.argv[1:]:
    print("notebook", path, flush=True)
    runpy.run_path(path, run_name="__main__")
"""


def test_notebooks_take_a_run_the_whole_way(tmp_path: Path) -> None:
    config = make_small_run(tmp_path, "keras", NUM_FILES_PER_CLASS)
    path = write_config(config, tmp_path / "run.yml")
    assert [notebook.stem for notebook in NOTEBOOKS] == ["1_prepare", "2_train", "3_export", "4_register", "5_score"]
    result = run_python("-c", RUN_ALL, *map(str, NOTEBOOKS), directory=tmp_path, DBX_DL_CONFIG=str(path))
    assert result.returncode == 0, result.stdout[-500:] + result.stderr[-2000:]
    printed = dict(zip(NOTEBOOKS, result.stdout.split("notebook ")[1:], strict=True))
    assert "truncated" in printed[NOTEBOOKS[0]]
    assert "probabilities" in printed[NOTEBOOKS[2]]
    assert Promotion.load(Path(config.directory) / "promotion.json").champion_version == 1
    assert ScoredTable.load(Path(config.directory) / "scored.json").num_errors == 4

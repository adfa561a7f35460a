"""The notebooks run in order as plain scripts on one Spark session, as on a cluster, on a small run of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import ExplainedTable, Monitored, Promotion, ScoredTable
from tests.e2e.conftest import ROOT, make_small_run, run_python, write_config
from tests.e2e.test_mnist_runs import shorten_run, write_idx_files

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[1-9]_*.py"))
STORY = ROOT / "notebooks" / "0_whole_story.py"
DEMOS = sorted((ROOT / "notebooks" / "demos").glob("[0-9]_*.py"))
NUM_FILES_PER_CLASS = 30

# Each with names of its own; what they share is what a cluster's notebooks share.
RUN_ALL = """
import runpy, sys
for path in sys.argv[1:]:
    print("notebook", path, flush=True)
    runpy.run_path(path, run_name="__main__")
"""


@pytest.mark.matrix
def test_the_demos_reach_97_percent_and_show_what_they_say(tmp_path: Path) -> None:
    write_idx_files(tmp_path / "mnist")
    runs = tmp_path / "runs"
    runs.mkdir()
    for file in (ROOT / "conf" / "runs").glob("mnist_*.yml"):
        (runs / file.name).write_text(yaml.safe_dump(shorten_run(yaml.safe_load(file.read_text()))))
    assert [demo.stem for demo in DEMOS] == ["1_keras", "2_tensorflow", "3_torch", "4_onnx"]
    result = run_python("-c", RUN_ALL, *map(str, DEMOS), directory=tmp_path, DBX_DL_RUNS=str(runs))
    assert result.returncode == 0, result.stdout[-500:] + result.stderr[-2000:]
    keras, tensorflow, torch, onnx = result.stdout.split("notebook ")[1:]
    found = re.findall(r"accuracy on the test split: .*", keras + tensorflow + torch)
    accuracies = [float(text) for line in found for text in re.findall(r"0\.\d+|1\.0+", line)]
    assert len(accuracies) == 4 and min(accuracies) >= 0.97
    assert "[[ 3 -1 -3 -1]\n  [-3  1  0 -3]" in tensorflow and "[[[ 3  0]\n  [ 3  1]]" in tensorflow
    assert "shape=(None, 28, 28, 1)" in torch
    assert float(re.search(r"largest difference: (\S+)", onnx)[1]) <= 1e-5  # type: ignore[index]
    assert [line.split()[0] for line in onnx.splitlines()[-4:]] == ["batch", "1", "32", "1024"]


@pytest.mark.matrix
def test_the_whole_story_is_told_with_both_frameworks(tmp_path: Path) -> None:
    config = make_small_run(tmp_path, "keras", NUM_FILES_PER_CLASS)
    train = config.train.model_copy(update={"num_epochs": 12, "optimizer": OptimizerConfig(learning_rate=0.003)})
    config = config.model_copy(update={"frameworks": ("keras", "torch"), "train": train})
    path = write_config(config, tmp_path / "run.yml")
    result = run_python(str(STORY), directory=tmp_path, DBX_DL_CONFIG=str(path))
    assert result.returncode == 0, result.stdout[-500:] + result.stderr[-2000:]
    found = re.findall(r"(keras|torch): largest difference (\S+)", result.stdout)
    assert [name for name, _ in found] == ["keras", "torch"] and max(float(value) for _, value in found) <= 1e-5
    assert "truncated" in result.stdout and "tf.GradientTape() as tape" in result.stdout
    assert Promotion.load(Path(config.directory) / "promotion.json").champion_version in (1, 2)
    assert ScoredTable.load(Path(config.directory) / "scored.json").num_errors == 4


def test_notebooks_take_a_run_the_whole_way(tmp_path: Path) -> None:
    config = make_small_run(tmp_path, "keras", NUM_FILES_PER_CLASS)
    path = write_config(config, tmp_path / "run.yml")
    stages = ["prepare", "train", "export", "register", "score", "monitor", "label", "explain"]
    stems = [f"{number}_{stage}" for number, stage in enumerate(stages, start=1)]
    assert [notebook.stem for notebook in NOTEBOOKS] == stems
    result = run_python("-c", RUN_ALL, *map(str, NOTEBOOKS), directory=tmp_path, DBX_DL_CONFIG=str(path))
    assert result.returncode == 0, result.stdout[-500:] + result.stderr[-2000:]
    printed = dict(zip(stems, result.stdout.split("notebook ")[1:], strict=True))
    assert "truncated" in printed["1_prepare"]
    assert "probabilities" in printed["3_export"]
    assert "Fleiss' kappa" in printed["7_label"] and "labels of 20 items" in printed["7_label"]
    assert Promotion.load(Path(config.directory) / "promotion.json").champion_version == 1
    assert ScoredTable.load(Path(config.directory) / "scored.json").num_errors == 4
    explained = ExplainedTable.load(Path(config.directory) / "explained.json")
    assert (explained.method, explained.num_rows) == ("occlusion", 100) and explained.num_errors < 100
    assert "## Training data" in printed["8_explain"]
    monitored = Monitored.load(Path(config.directory) / "monitored.json")
    assert monitored.report is not None and Path(monitored.report).is_file()
    assert f"report: {monitored.report}" in printed["6_monitor"] and "|operations|" in printed["6_monitor"]

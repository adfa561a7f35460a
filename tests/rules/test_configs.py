"""Run configs are valid and are the demo's own, and every path that a text names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dbx_dl.config import load_run_config
from dbx_dl.demo import breast_cancer_run, digits_run
from tests.rules.source_files import ROOT, name_of

RUNS = sorted((ROOT / "conf" / "runs").glob("*.yml"))
TEXTS = [
    ROOT / name
    for name in ("README.md", "databricks.yml", "Makefile", "CHANGELOG.md", ".ci/run", "setup.py", "pyproject.toml")
]
TEXTS += sorted(path for path in (ROOT / "conf").rglob("*") if path.is_file())
PATH = re.compile(r"(?<![\w./~<>{}$-])(?:conf|jobs|notebooks|dbx_dl|tests)/[\w./-]*[\w/]")


DEMO_RUNS = {"digits": digits_run(), "breast_cancer": breast_cancer_run()}
MNIST_RUNS = ("mnist_keras", "mnist_tensorflow_cnn", "mnist_tensorflow_mlp", "mnist_torch")


OTHER_RUNS = sorted({path.stem for path in RUNS} - {*DEMO_RUNS, *MNIST_RUNS})


@pytest.mark.parametrize("name", OTHER_RUNS)
def test_run_config_is_valid(name: str) -> None:
    assert load_run_config(ROOT / "conf" / "runs" / f"{name}.yml").name == name


@pytest.mark.parametrize("name", DEMO_RUNS)
def test_run_config_is_the_demos_own(name: str) -> None:
    assert load_run_config(ROOT / "conf" / "runs" / f"{name}.yml") == DEMO_RUNS[name]


@pytest.mark.parametrize("name", MNIST_RUNS)
def test_mnist_runs_are_valid_and_share_their_table(name: str) -> None:
    config, first = (load_run_config(ROOT / "conf" / "runs" / f"{run}.yml") for run in (name, MNIST_RUNS[0]))
    assert config.name == name
    assert config.prepare == first.prepare and config.score == first.score


def test_all_runs_are_there() -> None:
    assert {path.stem for path in RUNS} >= {*DEMO_RUNS, *MNIST_RUNS} and OTHER_RUNS


@pytest.mark.parametrize("text", [text for text in TEXTS if text.exists()], ids=name_of)
def test_named_paths_exist(text: Path) -> None:
    named = set(PATH.findall(text.read_text(encoding="utf-8")))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []

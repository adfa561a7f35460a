"""Jobs and notebooks hold no logic: they read a config and call the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from dbx_dl.config import load_run_config
from tests.rules.source_files import ROOT, list_files, name_of, parse

LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.While)


@pytest.mark.parametrize("job", list_files("jobs"), ids=name_of)
def test_job_is_thin(job: Path) -> None:
    assert len(job.read_text(encoding="utf-8").splitlines()) < 40
    assert not [node for node in ast.walk(parse(job)) if isinstance(node, (*LOGIC, ast.Try))]


@pytest.mark.parametrize("notebook", list_files("notebooks"), ids=name_of)
def test_notebook_is_thin(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    assert text.startswith("# Databricks notebook source\n")
    assert "# COMMAND ----------" in text
    assert [ast.unparse(node) for node in ast.walk(parse(notebook)) if isinstance(node, LOGIC)] == []


@pytest.mark.parametrize("notebook", list_files("notebooks"), ids=name_of)
def test_a_notebooks_parameter_is_a_widget_with_a_default_that_is_there(notebook: Path) -> None:
    """By the one function that knows widgets; on Databricks a notebook works in its own folder, elsewhere in ours."""
    calls = [node for node in ast.walk(parse(notebook)) if isinstance(node, ast.Call)]
    found = [call.args for call in calls if ast.unparse(call.func) == "read_parameter"]
    name, default = found[0]
    assert [ast.unparse(it[0]) for it in found[1:]] == ([] if notebook.parent.name == "demos" else ["'settings'"])
    assert ast.literal_eval(name) in ("config", "runs")
    assert isinstance(default, ast.IfExp) and ast.unparse(default.test) == "is_databricks()"
    assert (notebook.parent / ast.literal_eval(default.body)).exists() and (
        ROOT / ast.literal_eval(default.orelse)
    ).exists()
    assert "dbutils" not in notebook.read_text(encoding="utf-8")


def test_settings_that_the_docs_give_to_notebooks_are_taken() -> None:
    text = (ROOT / "docs" / "databricks.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"^```text\n(tracking\.uri=.*?)```", text, re.MULTILINE | re.DOTALL)
    config = load_run_config(ROOT / "conf" / "runs" / "digits.yml", told.split())
    assert config.tracking.uri == "databricks" and config.directory.startswith("/Volumes/")
    names = [config.prepare.table, config.registry.name, config.score.table]
    assert [name for name in names if len(name.split(".")) != 3] == []


def test_every_stage_has_a_job_and_a_notebook() -> None:
    stages = ["prepare", "train", "export", "register", "score", "monitor", "label", "explain"]
    assert sorted(path.stem for path in list_files("jobs")) == sorted([*stages, "promote"])
    notebooks = [path.stem for path in list_files("notebooks") if path.parent.name == "notebooks"]
    numbered = [f"{i}_{stage}" for i, stage in enumerate(stages, start=1)]
    assert notebooks == ["0_whole_story", *numbered]

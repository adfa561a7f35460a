"""Jobs and notebooks hold no logic: they read a config and call the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.rules.source_files import list_files, name_of, parse

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


def test_every_stage_has_a_job_and_a_notebook() -> None:
    stages = ["prepare", "train", "export", "register", "score", "monitor", "label", "explain"]
    assert sorted(path.stem for path in list_files("jobs")) == sorted([*stages, "promote"])
    notebooks = [path.stem for path in list_files("notebooks") if path.parent.name == "notebooks"]
    numbered = [f"{i}_{stage}" for i, stage in enumerate(stages, start=1)]
    assert notebooks == ["0_whole_story", *numbered]

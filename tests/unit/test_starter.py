"""A starter project is whole, valid and refuses to overwrite; that it runs is an end-to-end test."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dbx_dl.cli import app
from dbx_dl.config import load_run_config
from dbx_dl.errors import ConfigError
from dbx_dl.starter import PROJECT_FILES, write_project


def test_the_run_config_is_valid_and_names_its_data(tmp_path: Path) -> None:
    written = write_project(tmp_path / "flowers", framework="keras")
    assert sorted(written) == sorted(tmp_path / "flowers" / file for file in PROJECT_FILES.values())
    config = load_run_config(tmp_path / "flowers" / "run.yml")
    assert (config.name, config.registry.name, config.frameworks) == ("flowers", "flowers", ("keras",))
    assert config.score.model == "models:/flowers@champion"
    with (tmp_path / "flowers" / str(config.prepare.source)).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["id"] for row in rows}) == len(rows) == 150
    assert {row["species"] for row in rows} == {"setosa", "versicolor", "virginica"}


def test_python_files_parse_and_the_notebook_is_one(tmp_path: Path) -> None:
    write_project(tmp_path, name="mine")
    for file in ("job.py", "notebook.py", "tests/test_run.py"):
        text = (tmp_path / file).read_text()
        ast.parse(text)
        assert "$" not in text
    notebook = (tmp_path / "notebook.py").read_text()
    assert notebook.startswith("# Databricks notebook source\n# MAGIC %md\n# MAGIC # mine\n")
    assert "runs/mine/report.html" in (tmp_path / "README.md").read_text()


def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "run.yml").write_text("mine")
    result = CliRunner().invoke(app, ["init", str(tmp_path), "--name", "mine"])
    assert result.exit_code == 1
    assert result.stderr == f"error: {tmp_path} already has run.yml, and nothing is overwritten: name another folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["run.yml"]
    assert (tmp_path / "run.yml").read_text() == "mine"


def test_other_files_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine")
    result = CliRunner().invoke(app, ["init", str(tmp_path), "--name", "mine", "--framework", "keras"])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"next: cd {tmp_path} && dbx-dl run run.yml"


@pytest.mark.parametrize(("directory", "name"), [("with space", None), ("fine", "a/b"), ("fine", "")])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, directory: str, name: str | None) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        write_project(tmp_path / directory, name=name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        write_project(tmp_path / "place")

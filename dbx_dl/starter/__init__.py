"""Writes a starter project: a run config with its data, a job, a notebook and a test, which run as they are."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.whole_files import write_whole

# Template -> file of the project.
PROJECT_FILES = {
    "run.yml": "run.yml",
    "data.csv": "data/flowers.csv",
    "job.txt": "job.py",
    "notebook.txt": "notebook.py",
    "test_run.txt": "tests/test_run.py",
    "readme.txt": "README.md",
    "gitignore.txt": ".gitignore",
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def write_project(
    directory: str | os.PathLike[str], *, name: str | None = None, framework: Literal["keras", "torch"] = "torch"
) -> list[Path]:
    """Write the project's files into `directory`, which is made if it is not there; returns their paths.

    `name` is that of the run, the experiment and the registered model; without it the directory's. Nothing is
    overwritten: ConfigError names the files that are there already, and then none is written.
    """
    place = Path(directory).absolute()
    name = place.name if name is None else name
    if not NAME.fullmatch(name):
        raise ConfigError(f"a project cannot be called {name!r}: use letters, digits, _ and -, and give it as --name")
    if place.exists() and not place.is_dir():
        raise ConfigError(f"{place} is a file: name a folder for the project")
    present = [file for file in PROJECT_FILES.values() if os.path.lexists(place / file)]
    if present:
        raise ConfigError(f"{place} already has {', '.join(present)}, and nothing is overwritten: name another folder")
    values = {"name": name, "framework": framework}
    return [_write(place / file, template, values) for template, file in PROJECT_FILES.items()]


def _write(path: Path, template: str, values: dict[str, str]) -> Path:
    text = files(__package__).joinpath("files", template).read_text(encoding="utf-8")
    with write_whole(path) as partial:
        partial.write_text(Template(text).substitute(values), encoding="utf-8")
    return path

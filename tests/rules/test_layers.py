"""Imports only point downwards through the layers, and every module of the package is on one."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.rules.source_files import ROOT


def test_imports_follow_the_layers() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_is_on_a_layer() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    on_a_layer = {name.strip() for line in lines for name in line.split("|")}
    children = [path for path in (ROOT / "dbx_dl").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    present = {f"dbx_dl.{path.stem}" for path in children if path.stem != "__init__"}
    assert present == on_a_layer

"""The lower bounds that `make test-floor` installs are those of setup.py, for what Databricks' runtimes bring."""

from __future__ import annotations

import subprocess
import sys

from packaging.requirements import Requirement
from packaging.version import Version

from tests.rules.source_files import ROOT
from tests.rules.test_pins import read_setup

# Spark of Databricks Runtime 17.3 and 18, and the pandas and numpy that go with them.
COVERED = {"pyspark": ("4.0.0", "4.1.0"), "pandas": ("2.2.3", "3.0.0"), "numpy": ("1.26.4", "2.0.0", "2.4.0")}


def test_the_floor_is_every_lower_bound() -> None:
    command = [sys.executable, str(ROOT / "conf" / "list_floor.py")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    asked = [Requirement(line) for line in (*read_setup()["install_requires"], *read_setup()["extras_require"]["all"])]
    bounds = {need.name: spec.version for need in asked for spec in need.specifier if spec.operator == ">="}
    assert dict(line.split("==") for line in lines if "==" in line) == bounds
    assert [line for line in lines if "==" not in line] == ["SQLAlchemy<2.1"]
    assert len(bounds) > 20


def test_ranges_cover_what_runtimes_bring() -> None:
    asked = {need.name: need for need in map(Requirement, read_setup()["extras_require"]["all"])}
    refused = [(name, it) for name, versions in COVERED.items() for it in versions if it not in asked[name].specifier]
    assert refused == []
    assert Version("4.2.0") not in asked["pyspark"].specifier

"""Prints the lower bounds of setup.py's ranges as constraints for pip: `python conf/list_floor.py >floor.txt`."""

import re
import runpy
import sys
from pathlib import Path
from unittest.mock import patch

SETUP = Path(__file__).resolve().parents[1] / "setup.py"
# What lower bounds cannot be with, though they allow it: SQLAlchemy 2.1 took a class away that MLflow before 3.12 uses.
COMPANIONS = ["SQLAlchemy<2.1"]
BOUND = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?>=(?P<version>[\d.]+)")


def list_floor() -> list[str]:
    """`name==version` for everything that dbx_dl and its extras (but the tools of `dev`) ask for from a version on."""
    with patch("setuptools.setup") as setup:
        runpy.run_path(str(SETUP))
    asked = [*setup.call_args.kwargs["install_requires"], *setup.call_args.kwargs["extras_require"]["all"]]
    found = [BOUND.match(line) for line in asked]
    return sorted({*COMPANIONS, *(f"{it['name']}=={it['version']}" for it in found if it)}, key=str.lower)


if __name__ == "__main__":
    sys.stdout.write("\n".join(list_floor()) + "\n")

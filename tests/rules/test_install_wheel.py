"""The cluster's init script installs the newest wheel that fits, and says in a line what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.source_files import ROOT

SCRIPT = ROOT / "conf" / "horovod" / "install_wheel.sh"
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python that tells its version, and notes what pip is asked for instead of doing it."""
    path = tmp_path / "python"
    path.write_text(
        f'#!/bin/sh\ncase "$1 $2" in "-m pip") echo "$@" >>{tmp_path}/asked;;'
        ' "-c import importlib"*) exit 0;; "-c import horovod.torch") exit ${OTHER_TORCH:-0};;'
        f' "-c import horovod"*) exit ${{BROKEN:-0}};; *) exec {sys.executable} "$@";; esac\n'
    )
    path.chmod(0o755)
    return path


def run_script(**environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run([str(SCRIPT)], capture_output=True, text=True, env=variables, check=False)


def test_the_newest_wheel_that_fits_is_installed(python: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for age, name in enumerate(
        (f"horovod-0.28.1-{TAG}-a.whl", f"horovod-0.28.0-{TAG}-b.whl", "horovod-0.28.1-cp27-c.whl")
    ):
        (wheels / name).write_bytes(b"")
        os.utime(wheels / name, (1000 - age, 1000 - age))
    done = run_script(DBX_DL_PYTHON=str(python), DBX_DL_HOROVOD_WHEELS=str(wheels))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text().split()[-1] == str(wheels / f"horovod-0.28.1-{TAG}-a.whl")
    assert done.stdout == "" and done.stderr.splitlines()[-1] == "[horovod] horovod is installed"


def test_what_is_missing_is_said(python: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    known = {"DBX_DL_PYTHON": str(python), "DBX_DL_HOROVOD_WHEELS": str(wheels)}
    cases = [
        ({}, "DBX_DL_HOROVOD_WHEELS is not set"),
        ({**known, "DBX_DL_PYTHON": "/no/python"}, "/no/python is no Python"),
        (known, f"{wheels} does not exist"),
    ]
    for variables, message in cases:
        done = run_script(**variables)
        assert done.returncode == 1 and message in done.stderr
    wheels.mkdir()
    (wheels / "horovod-0.28.1-cp27-a.whl").write_bytes(b"")
    done = run_script(**known)
    assert done.returncode == 1 and f"has no horovod-*-{TAG}-*.whl" in done.stderr
    (wheels / f"horovod-0.28.1-{TAG}-a.whl").write_bytes(b"")
    done = run_script(**known, OTHER_TORCH="1")
    assert done.returncode == 1 and "it was built for another torch than this runtime has" in done.stderr
    done = run_script(**known, BROKEN="1")
    assert done.returncode == 1 and "cannot be imported" in done.stderr

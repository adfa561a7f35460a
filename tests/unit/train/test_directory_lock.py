"""A second training in a directory is refused while the first one lives, and not afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.train.directory_lock import alone_in

_HOLDER = """
import sys, time
from pathlib import Path
from dbx_dl.train.directory_lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_directory_is_held_until_its_holder_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=r"another training works in .*run: wait"), alone_in(folder):
            raise AssertionError("two hold it")
        holder.kill()
        holder.wait()
    with alone_in(folder), alone_in(tmp_path / "other"), pytest.raises(ConfigError), alone_in(folder):
        raise AssertionError("two hold it")
    with alone_in(folder):
        pass


def test_a_failure_within_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="mine"), alone_in(tmp_path):
        raise PermissionError("mine")


def test_a_place_without_locks_is_used_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with alone_in(tmp_path / "file" / "run"):
        assert not (tmp_path / "file" / "run").exists()

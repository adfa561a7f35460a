"""The garbage collector rests while modules come in, and only then."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

import pytest

from dbx_dl.runtime.collector import rest_during_imports
from tests.unit.runtime.test_processes import wait_until

USUAL = gc.get_threshold()


@pytest.fixture(autouse=True)
def usual_threshold() -> Iterator[None]:
    yield
    gc.set_threshold(*USUAL)


def test_it_rests_as_long_as_modules_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    rest_during_imports(0.2)
    for number in range(5):
        monkeypatch.setitem(sys.modules, f"collector_test_{number}", ModuleType("new"))
        assert gc.get_threshold() == (0, *USUAL[1:])
    wait_until(lambda: gc.get_threshold() == USUAL)


def test_a_threshold_of_somebody_else_stays() -> None:
    rest_during_imports(0.05)
    gc.set_threshold(5000)
    own = gc.get_threshold()
    wait_until(lambda: not any(thread.name == "imports-watch" for thread in threading.enumerate()))
    assert gc.get_threshold() == own


def test_a_forked_child_collects_as_ever() -> None:
    code = """
import gc, os
from dbx_dl.runtime.collector import rest_during_imports

usual = gc.get_threshold()
rest_during_imports(60)
child = os.fork()
if child == 0:
    os._exit(gc.get_threshold() != usual)
assert gc.get_threshold()[0] == 0
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)

"""Ctrl-C as a terminal sends it: to a whole process group; and whatever is left of a command, wherever it went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.ranks.observing import wait_until

MARK = "DBX_DL_TEST_MARK"


@dataclass(frozen=True)
class Pressed:
    """A command after Ctrl-C: its exit code, and what it printed; no process of it lives any more."""

    exit_code: int
    printed: str


def press_ctrl_c(command: Sequence[str], folder: Path, is_time: Callable[[], Any]) -> Pressed:
    """Start a command of this Python in `folder`, press Ctrl-C when it is time, wait until nothing of it lives."""
    mark, log_path = uuid4().hex, folder / "command.log"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), MARK: mark}
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # Where the tests run in a shell's background, they and what they start ignore the signal.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        wait_until(lambda: is_time() or process.poll() is not None, pause_seconds=0.01)
        assert process.poll() is None, f"it ended before Ctrl-C: {log_path.read_text()}"
        os.killpg(process.pid, signal.SIGINT)
        exit_code = process.wait(120)
        wait_until(lambda: not _list_processes(mark), 30)
    finally:
        for pid in _list_processes(mark):
            os.kill(pid, signal.SIGKILL)
    return Pressed(exit_code, log_path.read_text())


def _list_processes(mark: str) -> list[int]:
    """All processes that inherited the mark, in whatever group or session they are; zombies have no environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found

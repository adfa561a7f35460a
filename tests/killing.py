"""Ends a process at a chosen step as on a machine that dies: by SIGKILL for it and for its JVM, with no clean-up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module arguments` in a process group of its own, to its end."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, start_new_session=True, capture_output=True, timeout=300, check=False, text=True)


def run_to_death(module: str, *arguments: str) -> None:
    """Run a module that must end by SIGKILL."""
    ended = run_module(module, *arguments)
    assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]


def end(*_: Any, **__: Any) -> None:
    """The end of this process and of all that it started."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def end_before(owner: Any, step: str) -> None:
    setattr(owner, step, end)


def end_after(owner: Any, step: str) -> None:
    run: Callable[..., Any] = getattr(owner, step)

    def run_and_end(*args: Any, **options: Any) -> None:
        run(*args, **options)
        end()

    setattr(owner, step, run_and_end)


def end_within(owner: Any, step: str, list_files: Callable[[], set[Path]]) -> None:
    """As soon as one more of the files is there."""
    run: Callable[..., Any] = getattr(owner, step)

    def wait_for_file(before: set[Path]) -> None:
        while not list_files() - before:
            pass
        end()

    def run_watched(*args: Any, **options: Any) -> Any:
        threading.Thread(target=wait_for_file, args=(list_files(),), daemon=True).start()
        return run(*args, **options)

    setattr(owner, step, run_watched)

"""What the tests' rank processes run: `python -m … <name> <directory>`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dbx_dl.runtime.processes import end_with_parent
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train.failures import end_on_failure
from dbx_dl.train.run_directory import RunDirectory


def say_place() -> None:
    """Print the rank."""
    place = read_rank_place()
    print(f"rank {place.rank} of {place.size}")
    print("GPU", os.environ["CUDA_VISIBLE_DEVICES"])
    print("input:", sys.stdin.read())


def say_lent() -> None:
    """Print a variable that was lent."""
    print("lent:", os.environ["DBX_DL_LENT"])


def exit_3() -> None:
    """End with an exit code and nothing written but output."""
    print("last words")
    sys.exit(3)


def kill_itself() -> None:
    """End as the kernel ends a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_itself_above_a_child() -> None:
    """The same, with a child as data loaders have them."""
    print(subprocess.Popen(["sleep", "600"]).pid)
    kill_itself()


def print_and_raise() -> None:
    """Fail as a rank's function fails."""
    with end_on_failure(RunDirectory(Path(sys.argv[2])), 0):
        print("last words")
        raise ValueError("too bad")


def sleep() -> None:
    """Never end."""
    time.sleep(600)


if __name__ == "__main__":
    end_with_parent()
    globals()[sys.argv[1]]()

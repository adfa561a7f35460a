"""What the tests' rank processes run: `python -m … <name> <directory>`."""

from __future__ import annotations

import os
import signal
import sys
import time

from dbx_dl.runtime.processes import end_with_parent
from dbx_dl.runtime.ranks import read_rank_place


def say_place() -> None:
    """Print the rank."""
    place = read_rank_place()
    print(f"rank {place.rank} of {place.size}")


def exit_3() -> None:
    """End with an exit code and nothing written but output."""
    print("last words")
    sys.exit(3)


def kill_itself() -> None:
    """End as the kernel ends a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def sleep() -> None:
    """Never end."""
    time.sleep(600)


if __name__ == "__main__":
    end_with_parent()
    globals()[sys.argv[1]]()

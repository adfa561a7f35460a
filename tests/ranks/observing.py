"""Look at ranks from outside: their reports and whether their processes live."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbx_dl.errors import DbxDlError
from dbx_dl.train.launch import launch
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.reports import ReportReader
from dbx_dl.train.run_directory import RunDirectory

PROGRAMS = "tests.ranks.programs"


def program_of(name: str, directory: Path, num_ranks: int = 2, timeout_seconds: float = 300) -> RankProgram:
    """One of the programs, with a cleared directory."""
    RunDirectory(directory).clear()
    return RankProgram(PROGRAMS, (name, str(directory)), str(directory), num_ranks, timeout_seconds)


def read_reports(directory: Path, num_ranks: int = 2) -> list[list[dict[str, Any]]]:
    """All records by rank."""
    return [ReportReader(RunDirectory(directory).reports(rank)).read_new() for rank in range(num_ranks)]


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], Any], timeout_seconds: float = 120, pause_seconds: float = 0.05) -> Any:
    """The condition's first true value; the test fails when there is none."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause_seconds)
    return value


def launch_and_disturb(
    spark: Any, program: RankProgram, disturb: Callable[[list[dict[str, Any]]], None]
) -> tuple[DbxDlError, list[int]]:
    """Launch in a thread, call `disturb` with every rank's first report, return the error and the ranks' pids."""
    caught: list[DbxDlError] = []

    def run() -> None:
        try:
            launch(spark, program, "spark")
        except DbxDlError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    first = wait_until(lambda: _first_reports(program))
    disturb(first)
    thread.join(120)
    assert not thread.is_alive(), "the launch did not end"
    assert caught, "the launch did not fail"
    return caught[0], [record["pid"] for record in first]


def _first_reports(program: RankProgram) -> list[dict[str, Any]] | None:
    records = read_reports(Path(program.directory), program.num_ranks)
    return [mine[0] for mine in records] if all(records) else None

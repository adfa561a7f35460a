"""Tasks of a stage learn rank 0's address from Spark's gathering or from a file, whichever comes first."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.runtime.ranks import TORCH_DDP
from dbx_dl.train.meetings import meet
from dbx_dl.train.ranks import Rendezvous


@dataclass(frozen=True)
class TaskInfo:
    address: str = "127.0.0.1:4000"


@dataclass
class Task:
    """A task's context; its gathering ends with `released`, as Spark's does when all have come and a second is over."""

    rank: int
    lines: list[str] = field(default_factory=lambda: ['["10.0.0.1", 1]'])
    released: threading.Event = field(default_factory=threading.Event)
    gathered: list[str] = field(default_factory=list)
    error: Exception | None = None

    def partitionId(self) -> int:
        return self.rank

    def getTaskInfos(self) -> list[TaskInfo]:
        return [TaskInfo(), TaskInfo()]

    def allGather(self, line: str) -> list[str]:
        self.gathered.append(line)
        assert self.released.wait(30)
        if self.error is not None:
            raise self.error
        return self.lines


def join(task: Task, board: Path | None) -> Rendezvous:
    """Meet, and let the gathering end only then."""
    context: Any = task
    with meet(context, TORCH_DDP, board) as meeting:
        task.released.set()
        return meeting


def test_rank_0_needs_nobody_and_the_other_reads_its_file(tmp_path: Path) -> None:
    board, first, second = tmp_path / ".stage.json", Task(0), Task(1)
    first_context: Any = first
    with meet(first_context, TORCH_DDP, board) as meeting:
        found = join(second, board)
        first.released.set()
    assert (found.address, found.port) == (meeting.address, meeting.port) == tuple(json.loads(first.gathered[0]))
    assert len(second.gathered) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_file_the_gathering_tells(tmp_path: Path) -> None:
    for board in (None, tmp_path / "never"):
        task = Task(1)
        threading.Timer(0.1, task.released.set).start()
        found = join(task, board)
        assert (found.address, found.port) == ("10.0.0.1", 1)


def test_a_storage_that_refuses_the_file_leaves_the_gathering(tmp_path: Path) -> None:
    meeting = join(Task(0), tmp_path / "missing" / ".stage.json")
    assert meeting.port > 0


def test_a_failed_gathering_is_told(tmp_path: Path) -> None:
    task = Task(1, error=RuntimeError("the stage was cancelled"))
    threading.Timer(0.1, task.released.set).start()
    with pytest.raises(RuntimeError, match="the stage was cancelled"):
        join(task, tmp_path / "never")


def test_a_task_takes_part_in_the_gathering_until_it_ends(tmp_path: Path) -> None:
    task = Task(0)
    threading.Timer(0.3, task.released.set).start()
    context: Any = task
    started = time.monotonic()
    with meet(context, TORCH_DDP, tmp_path / ".stage.json"):
        pass
    assert time.monotonic() - started >= 0.25

"""What is told of a stage while it runs."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from dbx_dl.runtime import progress
from dbx_dl.runtime.progress import choose_stage, told_progress


def test_the_stage_of_the_work_is_chosen() -> None:
    stages = {1: (3, 3), 2: (4, 40), 3: (0, 16), 4: (5, 16)}
    assert choose_stage(stages, 16) == (5, 16)
    assert choose_stage(stages, None) == (4, 40)
    assert choose_stage(stages, 7) is None
    assert choose_stage({}, None) is None


class Tracker:
    """A stage of an earlier job, and one of 20 tasks, of which one more is done whenever somebody asks."""

    def __init__(self) -> None:
        self.num_asked = 0
        self.has_moved_often = threading.Event()

    def getActiveStageIds(self) -> list[int]:
        self.num_asked += 1
        return [7] if self.num_asked == 1 else [7, 8]

    def getStageInfo(self, stage: int) -> Any:
        done = 19 if stage == 7 else min(20, self.num_asked // 2)
        if done == 3:
            self.has_moved_often.set()
        return type("Info", (), {"numCompletedTasks": done, "numTasks": 20})


def test_lines_are_told_where_something_moved(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.001)
    tracker = Tracker()
    session: Any = type("Session", (), {"sparkContext": type("Context", (), {"statusTracker": lambda: tracker})})()
    with caplog.at_level(logging.INFO, "dbx_dl"), told_progress(session, lambda done, of: f"{done} of {of}", 20):
        assert tracker.has_moved_often.wait(60)
    assert caplog.messages[:2] == ["1 of 20", "2 of 20"]
    assert len(set(caplog.messages)) == len(caplog.messages)
    assert not any(thread.name == "progress" for thread in threading.enumerate())


def test_one_task_has_no_progress() -> None:
    with told_progress(None, lambda done, of: "", 1):  # type: ignore[arg-type]
        pass

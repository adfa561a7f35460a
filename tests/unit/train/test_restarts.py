"""Ranks are launched again after a loss and after nothing else."""

from __future__ import annotations

import logging

import pytest

from dbx_dl.config import CheckpointConfig
from dbx_dl.errors import ConfigError, DbxDlError, RankFailedError, RankLostError, SetupError
from dbx_dl.train.restarts import launch_until_done

LOST = RankLostError("rank 1 of 2 failed: its process was killed by signal 9 (SIGKILL)\nlast lines of its output")


class Launches:
    """Fails with these errors in turn, then works; slots are short as often as told."""

    def __init__(self, *errors: DbxDlError, num_short: int = 0) -> None:
        self.errors = list(errors)
        self.num_short = num_short
        self.num_launches = 0

    def launch_once(self) -> None:
        self.num_launches += 1
        if self.errors:
            raise self.errors.pop(0)

    def check_slots(self) -> None:
        self.num_short -= 1
        if self.num_short >= 0:
            raise SetupError("num_ranks is 2, but Spark runs 1 task at once")

    def run(self, max_restarts: int, wait_seconds: int = 60) -> int:
        config = CheckpointConfig(max_restarts=max_restarts, wait_seconds=wait_seconds)
        return launch_until_done(self.launch_once, self.check_slots, config, name="keras", poll_seconds=0.0)


def test_each_restart_is_said_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Launches(LOST, LOST).run(max_restarts=3) == 2
    assert "[keras] rank 1 of 2 failed: its process was killed by signal 9 (SIGKILL); restart 2 of 3" in caplog.text
    assert Launches().run(max_restarts=0) == 0


def test_the_last_loss_is_raised() -> None:
    launches = Launches(LOST, LOST, LOST)
    with pytest.raises(RankLostError) as caught:
        launches.run(max_restarts=2)
    assert launches.num_launches == 3
    assert "after 2 restarts" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "error", [ConfigError("wrong"), RankFailedError("the loss became nan"), SetupError("no slots")]
)
def test_what_would_fail_again_is_raised_at_once(error: DbxDlError) -> None:
    launches = Launches(error)
    with pytest.raises(type(error)):
        launches.run(max_restarts=5)
    assert launches.num_launches == 1


def test_slots_are_waited_for_but_not_for_ever() -> None:
    late = Launches(LOST, num_short=3)
    assert late.run(max_restarts=1) == 1
    assert late.num_short == -1
    never = Launches(LOST, num_short=10**9)
    with pytest.raises(SetupError, match="Spark runs 1 task at once"):
        never.run(max_restarts=1, wait_seconds=0)
    assert never.num_launches == 1

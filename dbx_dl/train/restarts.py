"""Launch ranks, and launch them again from the latest checkpoint when one of them was lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dbx_dl.errors import RankLostError, SetupError

if TYPE_CHECKING:
    from dbx_dl.config import CheckpointConfig

logger = logging.getLogger(__name__)

_POLL_SECONDS = 2.0


def launch_until_done(
    launch_once: Callable[[], None],
    check_slots: Callable[[], None],
    config: CheckpointConfig,
    *,
    name: str,
    poll_seconds: float = _POLL_SECONDS,
) -> int:
    """Call `launch_once` until it returns; gives the number of restarts.

    It is called again after a RankLostError, at most `max_restarts` times, once `check_slots` raises no SetupError any
    more. What a rank raised itself (a ConfigError, a DataError, a loss that is not finite) is raised at once.
    """
    num_restarts = 0
    while True:
        try:
            launch_once()
            return num_restarts
        except RankLostError as error:
            if num_restarts >= config.max_restarts:
                if config.max_restarts:
                    error.add_note(f"after {num_restarts} restarts (train.checkpoint.max_restarts)")
                raise
            num_restarts += 1
            first = str(error).splitlines()[0]
            logger.warning("[%s] %s; restart %d of %d", name, first, num_restarts, config.max_restarts)
            _wait_for_slots(check_slots, config.wait_seconds, poll_seconds)


def _wait_for_slots(check_slots: Callable[[], None], wait_seconds: float, poll_seconds: float) -> None:
    """Wait until there are slots for all ranks, as lost executors come back; the SetupError when they do not."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            check_slots()
            return
        except SetupError:
            if time.monotonic() > deadline:
                raise
            time.sleep(poll_seconds)

"""The audited worker; in the step that a file names, a rank kills itself, its executor or a server."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from dbx_dl.contracts import Batch
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train import worker
from tests.ranks import audited_worker


def main(job_path: str) -> None:
    """Run the worker; the files lie beside the job of the first launch, later ones have a folder of their own."""
    rank = read_rank_place().rank
    kills: dict[str, Callable[[int], None]] = {
        "kill.json": lambda chosen: os.kill(os.getpid(), signal.SIGKILL) if rank == chosen else None,
        "kill_executor.json": lambda chosen: os.kill(_find_executor(), signal.SIGKILL) if rank == chosen else None,
        "kill_server.json": lambda group: os.killpg(group, signal.SIGKILL),
    }
    for name, kill in kills.items():
        order = Path(job_path).with_name(name)
        if order.exists():
            whom, step = json.loads(order.read_text())
            _kill_in_step(step, partial(kill, whom))
    audited_worker.main(job_path)


def _find_executor() -> int:
    """The JVM above the Python worker above this rank."""
    import psutil

    return next(above.pid for above in psutil.Process().parents() if above.name() == "java")


def _kill_in_step(chosen: int, kill: Callable[[], None]) -> None:
    create = worker._create_objective

    def create_watched(*arguments: Any) -> Any:
        objective = create(*arguments)
        take_step, steps = objective.train_step, count(1)

        def train_step(batch: Batch, *more: Any) -> Any:
            if next(steps) == chosen:
                kill()
            return take_step(batch, *more)

        objective.train_step = train_step
        return objective

    worker._create_objective = create_watched


if __name__ == "__main__":
    main(sys.argv[1])

"""The audited worker; in a step named by `kill.json` a rank kills itself, by `kill_server.json` another process."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from dbx_dl.contracts import Batch
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train import worker
from tests.ranks import audited_worker


def main(job_path: str) -> None:
    """Run the worker; the files lie beside the job of the first launch, later ones have a folder of their own."""
    order = Path(job_path).with_name("kill.json")
    if order.exists():
        rank, step = json.loads(order.read_text())
        if read_rank_place().rank == rank:
            _kill_in_step(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    order = Path(job_path).with_name("kill_server.json")
    if order.exists():
        group, step = json.loads(order.read_text())
        _kill_in_step(step, lambda: os.killpg(group, signal.SIGKILL))
    audited_worker.main(job_path)


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

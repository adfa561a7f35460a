"""The audited worker, of which one rank kills itself in the step that `kill.json` names, in the first launch only."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from dbx_dl.contracts import Batch
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train import worker
from tests.ranks import audited_worker


def main(job_path: str) -> None:
    """Run the worker; the file lies beside the job of the first launch, later ones have a folder of their own."""
    order = Path(job_path).with_name("kill.json")
    if order.exists():
        rank, step = json.loads(order.read_text())
        if read_rank_place().rank == rank:
            _die_in_step(step)
    audited_worker.main(job_path)


def _die_in_step(last_step: int) -> None:
    create = worker._create_objective

    def create_mortal(*arguments: Any) -> Any:
        objective = create(*arguments)
        take_step, steps = objective.train_step, iter(range(1, last_step))

        def train_step(batch: Batch, *more: Any) -> Any:
            if next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return take_step(batch, *more)

        objective.train_step = train_step
        return objective

    worker._create_objective = create_mortal


if __name__ == "__main__":
    main(sys.argv[1])

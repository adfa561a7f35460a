"""What ranks run in the launch tests: `python -m tests.ranks.programs <name> <directory>`, Horovod alone."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from dbx_dl.runtime.processes import end_with_parent
from dbx_dl.runtime.ranks import RankPlace, read_rank_place
from dbx_dl.train.failures import record_exception
from dbx_dl.train.job import RunDirectory
from dbx_dl.train.reports import ReportWriter


def sum_ranks(place: RankPlace, reports: ReportWriter) -> None:
    """Add up the rank numbers over all ranks."""
    import horovod.torch as hvd
    import torch

    hvd.init()
    total = hvd.allreduce(torch.tensor([float(place.rank + 1)]), op=hvd.Sum)
    reports.write({"kind": "sum", "sum": float(total[0]), "rank": hvd.rank(), "size": hvd.size()})
    hvd.shutdown()


def reduce_forever(place: RankPlace, reports: ReportWriter) -> None:
    """Meet the other ranks, say so, then exchange gradients until something happens."""
    import horovod.torch as hvd
    import torch

    hvd.init()
    hvd.allreduce(torch.ones(1), name="first")
    reports.write({"kind": "ready", "pid": os.getpid(), "task_pid": os.getppid()})
    while True:
        hvd.allreduce(torch.ones(4), name="more")
        time.sleep(0.01)


def fail_on_rank_1(place: RankPlace, reports: ReportWriter) -> None:
    """Rank 1 raises while rank 0 waits for it in a collective."""
    import horovod.torch as hvd
    import torch

    hvd.init()
    hvd.allreduce(torch.ones(1), name="first")
    reports.write({"kind": "ready", "pid": os.getpid()})
    if place.rank == 1:
        np.zeros(3).reshape(2, 2)
    hvd.allreduce(torch.ones(1), name="never")


def wait(place: RankPlace, reports: ReportWriter) -> None:
    """No Horovod: say hello and wait."""
    reports.write({"kind": "ready", "pid": os.getpid(), "task_pid": os.getppid()})
    time.sleep(600)


def main(name: str, directory: str) -> None:
    """Run the named program as the worker runs training."""
    end_with_parent()
    # Also where this runs as `main` of a job file: the directory is the file's folder.
    root = Path(directory) if Path(directory).is_dir() else Path(directory).parent
    place = read_rank_place()
    files = RunDirectory(root)
    try:
        globals()[name](place, ReportWriter(files.reports(place.rank)))
    except BaseException as error:
        record_exception(files, place.rank, error)
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])

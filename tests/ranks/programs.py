"""What ranks run in the launch tests: `python -m tests.ranks.programs <name> <directory>`, Horovod alone."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from dbx_dl.runtime.processes import end_with_parent
from dbx_dl.runtime.ranks import RankPlace, read_rank_place
from dbx_dl.train.failures import end_on_failure
from dbx_dl.train.reports import ReportWriter
from dbx_dl.train.run_directory import RunDirectory


def sum_ranks(place: RankPlace, reports: ReportWriter) -> None:
    """Add up the rank numbers over all ranks."""
    import horovod.torch as hvd
    import torch

    hvd.init()
    print(f"rank {place.rank} of {place.size} has met the others")
    total = hvd.allreduce(torch.tensor([float(place.rank + 1)]), op=hvd.Sum)
    reports.write(
        {"kind": "sum", "sum": float(total[0]), "rank": hvd.rank(), "size": hvd.size(), "parent": _find_jvm()}
    )
    hvd.shutdown()


def _find_jvm() -> int:
    """The process id of the executor above this rank: above its task's Python worker and that one's daemon."""
    pid = os.getpid()
    while "java" not in Path(f"/proc/{pid}/comm").read_text():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid <= 1:
            return 0
    return pid


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


def say_hello(place: RankPlace, reports: ReportWriter) -> None:
    """No Horovod: print, report and end."""
    print(f"WARNING: hello from rank {place.rank}")
    reports.write({"kind": "hello", "rank": place.rank})


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
    with end_on_failure(files, place.rank):
        globals()[name](place, ReportWriter(files.reports(place.rank)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Seconds from the call to the first step of two ranks, and to the call's end: ours against `horovod.spark.run`.

`python -m tests.benchmarks.bench_launch [--repeats N]`. Only the ratio means something: the launchers run in turn on
one local[2] session after a warm-up each, and the best of the repeats counts. A step is one allreduce of PyTorch
tensors; its time is read on rank 0, on the clock that the driver reads too.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from pyspark.sql import SparkSession

import dbx_dl
from dbx_dl.config import SparkConfig
from dbx_dl.runtime.spark import open_session

NUM_RANKS = 2
AIM = 0.5


def step_with_horovod() -> float:
    """The time at which the first step was done."""
    import horovod.torch as hvd
    import torch

    hvd.init()
    hvd.allreduce(torch.ones(4))
    return time.time()


def step_with_torch() -> float:
    """The same on torch's own process group."""
    import torch
    from torch import distributed

    distributed.init_process_group("gloo")
    distributed.all_reduce(torch.ones(4))
    return time.time()


def run_upstream(spark: SparkSession) -> float:
    """Horovod's own launcher."""
    import horovod.spark

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    found: list[Any] = horovod.spark.run(
        step_with_horovod, num_proc=NUM_RANKS, use_gloo=True, use_mpi=False, env=environment, verbose=0
    )
    return float(found[0])


LAUNCHES: dict[str, Callable[[SparkSession], float]] = {
    "horovod.spark.run": run_upstream,
    "launch_ranks": lambda spark: dbx_dl.launch_ranks(spark, step_with_horovod, NUM_RANKS),
    "torch_ddp": lambda spark: dbx_dl.launch_ranks(spark, step_with_torch, NUM_RANKS, launcher="torch_ddp"),
}


def measure(launch: Callable[[SparkSession], float], spark: SparkSession) -> tuple[float, float]:
    """Seconds to the first step and to the end of the call."""
    started = time.time()
    stepped = launch(spark)
    return stepped - started, time.time() - started


def main() -> None:
    """Print a small table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    spark = open_session(SparkConfig(), "bench_launch")
    for launch in LAUNCHES.values():
        measure(launch, spark)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in LAUNCHES}
    for _ in range(options.repeats):
        for name, launch in LAUNCHES.items():
            times[name].append(measure(launch, spark))
    best = {name: [min(column) for column in zip(*pairs, strict=True)] for name, pairs in times.items()}
    upstream = best["horovod.spark.run"]
    print(f"{'launcher':<20}{'first step s':>14}{'ratio':>8}{'end s':>10}{'ratio':>8}   (aim: first step <= {AIM})")
    for name, (step, end) in best.items():
        print(f"{name:<20}{step:>14.2f}{step / upstream[0]:>8.2f}{end:>10.2f}{end / upstream[1]:>8.2f}")
    spark.stop()


if __name__ == "__main__":
    main()

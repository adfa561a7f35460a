"""How many tasks Spark can run at the same moment, counted without submitting anything that could wait for them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Enough for one row per core of any cluster that ranks run on, few enough to collect without a shuffle.
PROBE_ROWS = 8192


def count_slots(spark: SparkSession) -> int:
    """Tasks that can run at once: cores over `spark.task.cpus`, bounded by the GPUs that a task asks for.

    Cores are what a local master names, elsewhere the partitions that Spark gives a small range.
    """

    def read_setting(name: str, default: str) -> str:
        return str(spark.conf.get(name, default))

    num_cores = cores_of_local_master(read_setting("spark.master", "")) or _count_partitions(spark)
    return limit_slots(num_cores, read_setting)


def _count_partitions(spark: SparkSession) -> int:
    from pyspark.sql import functions as F

    return len({row[0] for row in spark.range(PROBE_ROWS).select(F.spark_partition_id()).collect()})


def limit_slots(num_cores: int, read_setting: Callable[[str, str], str]) -> int:
    """Slots of `num_cores` cores under the settings of a session; `read_setting(name, default)` reads one."""
    local_cores = cores_of_local_master(read_setting("spark.master", ""))
    if local_cores is not None:
        num_cores = min(num_cores, local_cores)
    task_cpus = int(read_setting("spark.task.cpus", "1"))
    executor_cores = num_cores if local_cores is not None else int(read_setting("spark.executor.cores", "0"))
    executor_cores = min(executor_cores, num_cores) or num_cores
    per_executor = executor_cores // task_cpus
    task_gpus = float(read_setting("spark.task.resource.gpu.amount", "0"))
    if task_gpus > 0 and local_cores is None:
        executor_gpus = int(read_setting("spark.executor.resource.gpu.amount", "0"))
        per_executor = min(per_executor, math.floor(executor_gpus / task_gpus + 1e-9))
    return max(1, num_cores // executor_cores) * per_executor


def cores_of_local_master(master: str) -> int | None:
    """Cores of a master in the driver's own process, such as `local[2]`; None for any other."""
    match = re.fullmatch(r"local(?:\[(\d+|\*)(?:, ?\d+)?\])?", master)
    if match is None:
        return None
    if match[1] is None:
        return 1
    return (os.cpu_count() or 1) if match[1] == "*" else int(match[1])

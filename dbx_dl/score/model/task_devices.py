"""Which GPU the Spark task that runs in this process uses."""

from __future__ import annotations

import os
from functools import cache

from dbx_dl.runtime.gpus import VISIBLE_GPUS, count_gpus
from dbx_dl.score.model.providers import choose_device


def find_device() -> int:
    """CUDA's number of the task's GPU: the one that Spark gave it, else workers take turns by their first partition."""
    from pyspark import TaskContext

    context = TaskContext.get()
    gpus = context.resources().get("gpu") if context is not None else None
    addresses = () if gpus is None else tuple(gpus.addresses)
    partition = 0 if context is None else int(context.partitionId())
    return choose_device(addresses, os.environ.get(VISIBLE_GPUS), count_gpus(), _keep_slot(partition))


@cache
def _keep_first() -> list[int]:
    return []


def _keep_slot(partition: int) -> int:
    """The partition that this process worked on first, so that it keeps its device and the model on it."""
    first = _keep_first()
    if not first:
        first.append(partition)
    return first[0]

"""Which GPU a rank's process sees."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"
_NO_GPU = "-1"
WITHOUT_GPUS = {VISIBLE_GPUS: ""}


def find_gpu(task_gpus: Sequence[str], local_rank: int) -> str | None:
    """`choose_gpu` on this machine."""
    return choose_gpu(task_gpus, os.environ.get(VISIBLE_GPUS), count_gpus(), local_rank)


def should_have_gpu() -> bool:
    """Whether this machine has GPUs and does not hide them from this process."""
    return count_gpus() > 0 and os.environ.get(VISIBLE_GPUS, "0") not in ("", _NO_GPU)


def choose_gpu(task_gpus: Sequence[str], visible: str | None, num_gpus: int, local_rank: int) -> str | None:
    """The value of CUDA_VISIBLE_DEVICES for one rank's process, or None to leave it alone.

    `task_gpus` are the addresses that Spark gave to the rank's task: then the first of them. Without, the ranks of
    a machine share its GPUs in the order of their local ranks: those that `visible`, the machine's own
    CUDA_VISIBLE_DEVICES, names, or all `num_gpus`.
    """
    if task_gpus:
        return task_gpus[0]
    gpus = list_gpus(visible, num_gpus)
    return gpus[local_rank % len(gpus)] if gpus else None


def list_gpus(visible: str | None, num_gpus: int) -> list[str]:
    """The GPUs of a machine that has `num_gpus`, as its CUDA_VISIBLE_DEVICES, where there is one, shows them."""
    if visible is None or num_gpus == 0:
        return [str(gpu) for gpu in range(num_gpus)]
    return [name.strip() for name in visible.split(",") if name and visible != _NO_GPU]


def count_gpus(devices: Path = Path("/dev")) -> int:
    """NVIDIA GPUs that this machine shows its processes; no driver is loaded."""
    return sum(path.name.removeprefix("nvidia").isdigit() for path in devices.glob("nvidia*"))

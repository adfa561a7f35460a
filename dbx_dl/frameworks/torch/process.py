"""PyTorch in this process: seeded, deterministic, and bounded in threads."""

from __future__ import annotations

import os
import random

import numpy as np
import torch

from dbx_dl.frameworks.versions import describe_environment


def seed_process(seed: int, num_threads: int) -> None:
    """Seed Python, NumPy and PyTorch, make operations deterministic, and use `num_threads` per operation.

    An operation that cannot be deterministic on a GPU (the gradient of adaptive average pooling, for one) warns there.
    """
    # cuBLAS is deterministic only with a fixed workspace, which it reads when the GPU is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(num_threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def describe_versions() -> dict[str, str]:
    """Versions of PyTorch, Horovod and NumPy, and the settings that change PyTorch's bits; the GPU where it has one."""
    versions = describe_environment(("horovod", "numpy")) | {
        "torch": str(torch.__version__),
        "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
        "threads": str(torch.get_num_threads()),
    }
    if torch.cuda.is_available():
        versions |= {"gpu": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}
    return versions

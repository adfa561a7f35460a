"""Which rank this process is, read from and written to environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

HOROVOD = "horovod"
TORCH_DDP = "torch_ddp"
_BACKEND_VARIABLE = "DBX_DL_RANK_BACKEND"


@dataclass(frozen=True)
class RankPlace:
    """A rank's numbers: global, on its machine, and across machines; and whose collectives join the ranks."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    cross_rank: int = 0
    cross_size: int = 1
    backend: str = HOROVOD

    def environment(self) -> dict[str, str]:
        """The variables from which Horovod (and `read_rank_place`) read these numbers."""
        return {
            "HOROVOD_RANK": str(self.rank),
            "HOROVOD_SIZE": str(self.size),
            "HOROVOD_LOCAL_RANK": str(self.local_rank),
            "HOROVOD_LOCAL_SIZE": str(self.local_size),
            "HOROVOD_CROSS_RANK": str(self.cross_rank),
            "HOROVOD_CROSS_SIZE": str(self.cross_size),
            _BACKEND_VARIABLE: self.backend,
        }


def read_rank_place(environment: Mapping[str, str] = os.environ) -> RankPlace:
    """This process' place; a process that nobody launched as a rank is rank 0 of 1."""
    names = ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE", "CROSS_RANK", "CROSS_SIZE")
    if "HOROVOD_RANK" not in environment or "HOROVOD_SIZE" not in environment:
        return RankPlace()
    rank, size, local_rank, local_size, cross_rank, cross_size = (
        int(environment.get(f"HOROVOD_{name}", "1" if name.endswith("SIZE") else "0")) for name in names
    )
    backend = environment.get(_BACKEND_VARIABLE, HOROVOD)
    return RankPlace(rank, size, local_rank, local_size, cross_rank, cross_size, backend)

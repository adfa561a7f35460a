"""How the gradients of ranks become the one gradient that every rank's optimizer takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.interface import Ranks


@dataclass(frozen=True)
class Reduction:
    """Sum over ranks, division by the global weight, then clipping: the same numbers on every rank.

    `compression` fp16: gradients travel as float16, divided by the global number of rows so that they neither overflow
    nor vanish. bf16: as bfloat16, which Horovod cannot sum, so that every rank gets all of them and sums them in
    float32: half the bytes of float32 for 2 ranks, as many for 4, more beyond. The weights that gradients are divided
    by stay float32. `label` begins the names of its collectives, of which two at once must not be the same.
    """

    ranks: Ranks
    compression: str = "none"
    clip_norm: float | None = None
    clip_value: float | None = None
    label: str = "dbx_dl"


def plan_reduction(optimizer: OptimizerConfig, ranks: Ranks, label: str = "dbx_dl") -> Reduction:
    """The reduction that an optimizer config describes; with one rank nothing travels and nothing is compressed."""
    return Reduction(
        ranks=ranks,
        compression=optimizer.gradient_compression if ranks.size > 1 else "none",
        clip_norm=optimizer.clip_norm,
        clip_value=optimizer.clip_value,
        label=label,
    )


@dataclass
class PendingBatches:
    """The batches of this rank whose gradients, summed up, wait for their optimizer step."""

    num_batches: int = 0
    num_rows: int = 0
    weight: float = 0.0

    def add(self, num_rows: int, weight: float) -> None:
        """Count a batch of so many rows, padding included, and the sum of their weights."""
        self.num_batches += 1
        self.num_rows += num_rows
        self.weight += weight

"""Who reads which row: a pure function of the number of rows, ranks and rows per batch.

An epoch's rows, in that epoch's order, are cut into canonical lanes whose number does not depend on the ranks. Lane l
holds consecutive rows; position p = offset * lanes + lane walks over all lanes at once, and because the longer lanes
come first, p is a row exactly when p < num_rows. Step s is the positions [s * G, (s + 1) * G) with
G = ranks * batch size, and rank r owns the lanes l with l % ranks == r: exactly batch size positions of every step.
So for a fixed G the global batches are the same for every number of ranks that divides the lanes, every rank has the
same number of steps, and only the last step is padded (or left out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CANONICAL_LANES = 64
PADDING = -1


@dataclass(frozen=True)
class Share:
    """One rank's part in the reading of `num_rows` rows."""

    num_rows: int
    rank: int
    num_ranks: int
    batch_size: int
    drop_last: bool = False

    @property
    def global_batch_size(self) -> int:
        """Rows of one step over all ranks."""
        return self.num_ranks * self.batch_size

    @property
    def num_steps(self) -> int:
        """Steps of an epoch; the same on every rank. With `drop_last`, full ones only."""
        return self.num_rows // self.global_batch_size if self.drop_last else self.num_covering_steps

    @property
    def num_covering_steps(self) -> int:
        """Steps that cover every row once, as evaluation does."""
        return -(-self.num_rows // self.global_batch_size)


def count_lanes(num_ranks: int) -> int:
    """64 lanes, or the next multiple of `num_ranks` where that does not divide 64."""
    return -(-CANONICAL_LANES // num_ranks) * num_ranks


def start_lanes(num_rows: int, lane_order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each lane begins in the epoch's rows, int64 (lanes,); `lane_order[i]` is the lane of the i-th stretch."""
    num_lanes = len(lane_order)
    lengths = num_rows // num_lanes + (np.arange(num_lanes) < num_rows % num_lanes)
    ordered = lengths[lane_order]
    starts = np.empty(num_lanes, dtype=np.int64)
    starts[lane_order] = np.cumsum(ordered) - ordered
    return starts


def training_rows(share: Share, starts: NDArray[np.int64], step: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of a rank's batch, int64 (batch_size,), as places in the epoch's order; PADDING after the last row.

    Of steps (S, 1), the rows of all of them, (S, batch_size).
    """
    first = step * share.global_batch_size + share.rank
    positions = first + share.num_ranks * np.arange(share.batch_size, dtype=np.int64)
    offsets = positions // len(starts)
    rows = starts.take(positions - offsets * len(starts)) + offsets
    return np.where(positions < share.num_rows, rows, PADDING)


def evaluation_rows(share: Share, step: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of a rank's batch, int64 (batch_size,), in stored order; PADDING after the rank's last row.

    Of steps (S, 1), the rows of all of them, (S, batch_size). Every rank reads one stretch of consecutive rows, so the
    ranks' outputs in rank order are in stored order.
    """
    each, longer = divmod(share.num_rows, share.num_ranks)
    start = share.rank * each + min(share.rank, longer)
    end = start + each + (share.rank < longer)
    rows = start + step * share.batch_size + np.arange(share.batch_size, dtype=np.int64)
    return np.where(rows < end, rows, PADDING)

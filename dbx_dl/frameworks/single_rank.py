"""The collectives of a run with one rank: every one returns its argument, and Horovod is not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SingleRank:
    """The `Ranks` of a process that trains alone."""

    rank = 0
    size = 1

    def sum(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """The values as float64, same shape."""
        return np.asarray(values, dtype=np.float64)

    def gather_rows(self, rows: NDArray[np.generic]) -> NDArray[np.generic]:
        """The rows (N, ...) themselves."""
        return rows

    def broadcast(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """The values themselves."""
        return values

    def close(self) -> None:
        """Nothing to leave."""

"""Arrays averaged over ranks in one collective."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dbx_dl.frameworks.interface import Ranks


def average_over_ranks(arrays: Sequence[NDArray[np.floating]], ranks: Ranks) -> list[NDArray[np.float64]]:
    """The mean over ranks of every array, float64 and of its shape; at least one array, the same on every rank."""
    means = ranks.sum(np.concatenate([array.ravel() for array in arrays])) / ranks.size
    ends = np.cumsum([array.size for array in arrays])[:-1]
    return [part.reshape(array.shape) for part, array in zip(np.split(means, ends), arrays, strict=True)]

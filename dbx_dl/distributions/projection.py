"""Long vectors become short ones along fixed random directions, whose distances stay about the same."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_AXES = 64
_SEED = 20_260_101


def project(vectors_nk: NDArray[np.floating]) -> NDArray[np.float64]:
    """Vectors (N, K) as they are up to K = MAX_AXES, longer ones as (N, MAX_AXES).

    Onto orthonormal directions that depend on K alone, scaled by the root of K / MAX_AXES, so that squared distances
    are kept on average (Johnson and Lindenstrauss 1984).
    """
    vectors = np.asarray(vectors_nk, np.float64)
    size = vectors.shape[1]
    return vectors if size <= MAX_AXES else np.asarray(vectors @ _draw_directions(size))


@lru_cache(maxsize=8)
def _draw_directions(size: int) -> NDArray[np.float64]:
    """Directions (K, MAX_AXES)."""
    drawn = np.random.default_rng(_SEED).standard_normal((size, MAX_AXES))
    directions, _ = np.linalg.qr(drawn)
    return np.asarray(directions * np.sqrt(size / MAX_AXES))

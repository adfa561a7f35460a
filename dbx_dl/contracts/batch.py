"""What a feed gives a rank at every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Batch:
    """One rank's share of one step.

    `inputs` are uint8 (N, H, W, C) pixels or float32 (N, K) features, `labels` int64 (N,), `weights` float32 (N,)
    with 0 for padding, `keys` the N row keys ("" for padding). Every batch of a feed has the same N.
    """

    inputs: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    keys: tuple[str, ...]

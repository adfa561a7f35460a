"""What a feed gives a rank at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import numpy as np

_FROM_WEIGHTS = cast("np.ndarray", None)


@dataclass(frozen=True)
class Batch:
    """One rank's share of one step.

    `inputs` are uint8 (N, H, W, C) pixels, float32 (N, K) features, int32 (N, T) ids of tokens, int16 (N, S) samples
    or float32 (N, T, K + 1) numbers by step, T as the batch needs.
    `labels` are int64 (N,) classes for the tasks binary and multiclass (zeros for the task none), float32 (N, L) of 0
    and 1 for multilabel, int64 (N, T) for frames (-1 where a row has no step) and for sequence (ids of tokens, 0 for
    padding), float32 (N,) for regression and count, float32 (N, M, 5) for boxes (see `metrics.boxes`), uint8 (N, H, W)
    for segmentation. `weights` are float32 (N,), 0 for padding and for rows that cannot be decoded; `is_row` is boolean
    (N,), false for just these, whatever the weight (where it is not given: weights > 0). `sample_weights` are float32
    (N,), what metrics are weighted by: the table's own weights of rows, without those of classes, which are a device of
    training (where they are not given: `weights`).
    `keys` are the N row keys, "" for padding. Every batch of a feed has the same N.
    """

    inputs: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    keys: Sequence[str]
    is_row: np.ndarray = _FROM_WEIGHTS
    sample_weights: np.ndarray = _FROM_WEIGHTS

    def __post_init__(self) -> None:
        """Rows with a weight are rows, and metrics are weighted as training is, where nothing else is said."""
        if self.is_row is _FROM_WEIGHTS:
            object.__setattr__(self, "is_row", self.weights > 0)
        if self.sample_weights is _FROM_WEIGHTS:
            object.__setattr__(self, "sample_weights", self.weights)

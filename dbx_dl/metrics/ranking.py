"""How well scores order rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def area_under_curve(
    is_positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> float:
    """The area under the ROC curve of scores (N,): how often a positive row's is above a negative one's, ties half.

    Computed from ranks as by Mann and Whitney, 1947. With weights (N,), all above 0, each pair of rows counts with the
    product of theirs. NaN without a positive or without a negative row.
    """
    num_positive = int(is_positive.sum())
    num_negative = len(is_positive) - num_positive
    if num_positive == 0 or num_negative == 0:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    if weights is not None:
        positive, negative = (
            np.bincount(place, weights * is_side, len(counts)) for is_side in (is_positive, ~is_positive)
        )
        below = np.cumsum(negative) - negative / 2
        return float((positive * below).sum() / (positive.sum() * negative.sum()))
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_ranks[place[is_positive]].sum()
    return float((rank_sum - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative))

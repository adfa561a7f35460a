"""From which probability on a model's label is right often enough, as far as held-out labels can tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics import share_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many thresholds are looked at, whose number the confidence is divided by.
_MAX_THRESHOLDS = 10


@dataclass(frozen=True)
class FittedThreshold:
    """The least probability that is good enough, and the held-out items at or above it: how many, how many right.

    `precision_low` is the lower bound of the share of right ones.
    """

    threshold: float
    num_above: int
    num_right: int
    precision_low: float


def fit_threshold(
    probabilities_n: NDArray[np.floating], is_right_n: NDArray[np.bool_], precision: float, confidence: float
) -> FittedThreshold | None:
    """The least threshold at which the share of right ones is `precision` at least, None where none can be shown to be.

    `probabilities_n` are of what the model says of N held-out items, all of one class. With the probability
    `confidence` the share of right ones is as large as asked, for items drawn as the held-out ones were: up to
    _MAX_THRESHOLDS thresholds are looked at, chosen by the probabilities alone, each with the exact bound of Clopper
    and Pearson 1934 at its part of the error (Bonferroni). Of fewer items than `count_fewest` needs at such a part all
    are looked at together, at the whole error.
    """
    order = np.argsort(-probabilities_n, kind="stable")
    sorted_n, right_n = probabilities_n[order].astype(np.float64), is_right_n[order]
    sizes = _choose_sizes(sorted_n, precision, 1 - confidence)
    if not sizes:
        return None
    error = (1 - confidence) / len(sizes)
    hits = np.cumsum(right_n)
    for size in reversed(sizes):
        num_right = int(hits[size - 1])
        low = bound_below(num_right, size, error)
        if low >= precision:
            return FittedThreshold(float(sorted_n[size - 1]), size, num_right, low)
    return None


def bound_below(num_right: int, num_rows: int, error: float) -> float:
    """What the share is at least, but for the probability `error`."""
    return share_interval(num_right, num_rows, 1 - 2 * error)[0]


def count_fewest(precision: float, error: float) -> int:
    """The fewest items that can show the precision, all of them right."""
    return math.ceil(math.log(error) / math.log(precision))


def _choose_sizes(sorted_n: NDArray[np.float64], precision: float, error: float) -> list[int]:
    """How many of the likeliest items each threshold takes, ascending; equal probabilities are taken together."""
    if len(sorted_n) < count_fewest(precision, error):
        return []
    fewest = count_fewest(precision, error / _MAX_THRESHOLDS)
    if len(sorted_n) < fewest:
        return [len(sorted_n)]
    wanted = np.unique(np.geomspace(fewest, len(sorted_n), _MAX_THRESHOLDS).round().astype(int))
    # The last place of each probability: searchsorted wants ascending values.
    ends = np.searchsorted(-sorted_n, -sorted_n[wanted - 1], side="right")
    return [int(size) for size in np.unique(ends)]

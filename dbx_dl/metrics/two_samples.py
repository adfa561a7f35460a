"""Whether two samples come from one distribution: p-values from counts, which know the rows of both samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.tails import chi_squared_tail, kolmogorov_tail

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Counts = NDArray[np.int64]

# Cochran 1954, "Some Methods for Strengthening the Common Chi-squared Tests": below that chi-squared is too rough.
LEAST_EXPECTED = 5.0


def merge_rare(
    baseline: ArrayLike, window: ArrayLike, *, is_ordered: bool, least: float = LEAST_EXPECTED
) -> tuple[Counts, Counts]:
    """Counts (K,) of both samples in fewer bins, so that the smaller sample expects `least` rows in each.

    Ordered bins are joined with their neighbours, others with each other, the rarest first. What is expected is told
    by both samples together, so that the choice does not lean to either; fewer than two bins may be left.
    """
    counts = np.array([np.asarray(baseline, np.int64), np.asarray(window, np.int64)])
    pooled = counts.sum(axis=0)
    total = max(1, int(pooled.sum()))
    expected = pooled * (counts.sum(axis=1).min() / total)
    order = np.arange(len(expected)) if is_ordered else np.argsort(expected, kind="stable")
    groups = np.zeros(len(expected), np.int64)
    group, reached = 0, 0.0
    for place in order:
        groups[place] = group
        reached += expected[place]
        if reached >= least:
            group, reached = group + 1, 0.0
    # What is left over belongs to the last whole group.
    groups = np.minimum(groups, max(0, group - 1))
    merged = [np.bincount(groups, side, int(groups.max(initial=0)) + 1).astype(np.int64) for side in counts]
    return merged[0], merged[1]


def homogeneity_p_value(baseline: ArrayLike, window: ArrayLike) -> float | None:
    """Pearson's chi-squared test that both counts (K,) come from the same shares; bins without rows do not count.

    None for fewer than two bins or an empty sample. Join rare bins first (`merge_rare`).
    """
    counts = np.array([np.asarray(baseline, np.float64), np.asarray(window, np.float64)])
    counts = counts[:, counts.sum(axis=0) > 0]
    sizes = counts.sum(axis=1)
    if counts.shape[1] < 2 or not sizes.all():
        return None
    expected = np.outer(sizes, counts.sum(axis=0)) / sizes.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return chi_squared_tail(statistic, counts.shape[1] - 1)


def share_p_value(num_baseline: int, of_baseline: int, num_window: int, of_window: int) -> float | None:
    """That a share of rows, so many of so many in each sample, is the same: exact where few rows are expected.

    Fisher's exact test (two-sided) where a cell expects fewer than LEAST_EXPECTED rows, else Pearson's chi-squared.
    None for an empty sample, or where all or no rows of both have it.
    """
    hits, total = num_baseline + num_window, of_baseline + of_window
    if not of_baseline or not of_window or hits in (0, total):
        return None
    if min(of_baseline, of_window) * min(hits, total - hits) / total < LEAST_EXPECTED:
        return _fisher(num_baseline, of_baseline, num_window, of_window)
    return homogeneity_p_value([num_baseline, of_baseline - num_baseline], [num_window, of_window - num_window])


def kolmogorov_p_value(distance: float, num_baseline: int, num_window: int) -> float | None:
    """That two samples with this largest distance of their distribution functions come from one; None without rows.

    The limit with Stephens' correction for small samples (1970, "Use of the Kolmogorov-Smirnov, Cramer-von Mises and
    Related Statistics without Extensive Tables"). Of binned values, and of values with ties, it is too large.
    """
    if not num_baseline or not num_window:
        return None
    root = math.sqrt(num_baseline * num_window / (num_baseline + num_window))
    return kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)


def _fisher(num_baseline: int, of_baseline: int, num_window: int, of_window: int) -> float:
    """Hypergeometric: the probability of all tables that are at most as probable as this one."""
    if num_baseline + num_window > (of_baseline + of_window) / 2:
        num_baseline, num_window = of_baseline - num_baseline, of_window - num_window
    # Count in the smaller sample, where few are expected, so that the support is short.
    (seen, size), (others, other_size) = sorted(
        ((num_baseline, of_baseline), (num_window, of_window)), key=lambda side: side[1]
    )
    hits = seen + others
    low, high = max(0, hits - other_size), min(hits, size)
    k = np.arange(low, high, dtype=np.float64)
    steps = np.log(hits - k) + np.log(size - k) - np.log(k + 1) - np.log(other_size - hits + k + 1)
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(logs - logs.max())
    chances /= chances.sum()
    is_as_rare = chances <= chances[seen - low] * (1 + 1e-7)
    return min(1.0, float(chances[is_as_rare].sum()))

"""Whether what is said to happen with a probability happens so often.

Bins and their mean gap: Guo et al. 2017, arXiv:1706.04599. What the gap would be by chance alone: Bröcker and Smith,
"Increasing the Reliability of Reliability Diagrams", 2007, by drawing outcomes from the probabilities themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dbx_dl.metrics.intervals import share_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NUM_BINS = 10


class BinCounts(NamedTuple):
    """Of NUM_BINS equal bins of probability: rows (or their weight), the sum of probabilities, and the hits."""

    num_rows: Floats
    probabilities: Floats
    hits: Floats


class ReliabilityBin(NamedTuple):
    """Rows whose probability is from `start` to `end`: its mean, the share of hits, and the interval of that share."""

    start: float
    end: float
    num_rows: int
    mean_probability: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class CalibrationError:
    """The mean gap between probabilities and shares of hits, and what chance makes of it.

    `noise` is the mean gap between the shares of hits and those that further rows would have, and how that varies.
    `by_chance` is the same for calibrated probabilities, which is their error; `p_value` is the chance of one as large.
    """

    value: float
    noise: tuple[float, float]
    by_chance: tuple[float, float]
    p_value: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """It holds the true error with this confidence or more: an error is never farther off than the noise."""
        deviations = NormalDist().inv_cdf((1 + confidence) / 2)
        reach = max(mean + deviations * deviation for mean, deviation in (self.noise, self.by_chance))
        return max(0.0, self.value - reach), min(1.0, self.value + reach)


def count_bins(is_hit: NDArray[np.bool_], probabilities: Floats) -> BinCounts:
    """The counts of N rows, of whether what a probability speaks of happened; a probability of 1 is in the last bin."""
    bins = np.minimum((probabilities * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    sums = (np.bincount(bins, weights, NUM_BINS) for weights in (None, probabilities, is_hit.astype(np.float64)))
    return BinCounts(*(np.asarray(found, np.float64) for found in sums))


def measure_bins(counts: BinCounts, confidence: float = 0.95) -> list[ReliabilityBin]:
    """The bins that have rows."""
    found = []
    for place in np.flatnonzero(counts.num_rows).tolist():
        num_rows, total, hits = (float(column[place]) for column in counts)
        low, high = share_interval(hits, num_rows, confidence)
        start, end = place / NUM_BINS, (place + 1) / NUM_BINS
        found.append(ReliabilityBin(start, end, round(num_rows), total / num_rows, hits / num_rows, low, high))
    return found


def estimate_calibration(
    counts: BinCounts, *, num_effective: float | None = None, num_draws: int = 1000, seed: int = 0
) -> CalibrationError | None:
    """The calibration error, see `metrics.fairness.calibration_error`; None without rows.

    `num_effective` is how many plain rows say as much as weighted ones.
    """
    total = float(counts.num_rows.sum())
    if total <= 0:
        return None
    weights, probabilities, hits = (column[counts.num_rows > 0] for column in counts)
    means, shares = np.clip(probabilities / weights, 0.0, 1.0), np.clip(hits / weights, 0.0, 1.0)
    num_rows = np.maximum(1, np.round(weights * ((num_effective or total) / total))).astype(np.int64)
    random, share_of_rows = np.random.default_rng(seed), weights / total

    def draw(truth: Floats) -> Floats:
        """Errors of so many rows, when hits have these chances, beside these chances."""
        drawn = random.binomial(num_rows, truth, (num_draws, len(num_rows))) / num_rows
        return np.asarray(np.abs(drawn - truth) @ share_of_rows)

    value = float(np.abs(shares - means) @ share_of_rows)
    # As if one more row had come as it was said, so that a bin of few rows is not taken for certain.
    noise, by_chance = draw((shares * num_rows + means) / (num_rows + 1)), draw(means)
    p_value = (1 + int((by_chance >= value - 1e-12).sum())) / (1 + num_draws)
    of_noise, of_chance = ((float(drawn.mean()), float(drawn.std())) for drawn in (noise, by_chance))
    return CalibrationError(value, of_noise, of_chance, p_value)

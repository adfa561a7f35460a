"""Whether the mean of one part of the rows is above that of another, whose spread may differ."""

from __future__ import annotations

import math
from typing import NamedTuple

from dbx_dl.metrics.beta import student_tail


class Moments(NamedTuple):
    """Number, mean and unbiased variance of some rows' values; the variance of fewer than two is 0."""

    num_rows: int
    mean: float
    variance: float

    def without(self, part: Moments) -> Moments:
        """Those of the other rows, where `part` is some of these.

        After Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
        1979, turned around.
        """
        num_rows = self.num_rows - part.num_rows
        if num_rows <= 0:
            return Moments(0, math.nan, 0.0)
        mean = self.mean + (self.mean - part.mean) * part.num_rows / num_rows
        between = (part.mean - mean) ** 2 * part.num_rows * num_rows / self.num_rows
        rest = self.variance * (self.num_rows - 1) - part.variance * (part.num_rows - 1) - between
        return Moments(num_rows, mean, max(0.0, rest) / (num_rows - 1) if num_rows > 1 else 0.0)


def welch_p_value(part: Moments, rest: Moments) -> float | None:
    """The chance of a mean as far above `rest`'s, were they equal; None where a side has fewer than two rows.

    One-sided, after Welch, "The generalization of Student's problem when several different population variances are
    involved", 1947.
    """
    if min(part.num_rows, rest.num_rows) < 2:
        return None
    squares = [side.variance / side.num_rows for side in (part, rest)]
    if sum(squares) <= 0:
        return 0.0 if part.mean > rest.mean else 1.0
    degrees = sum(squares) ** 2 / sum(
        square**2 / (side.num_rows - 1) for square, side in zip(squares, (part, rest), strict=True)
    )
    return student_tail((part.mean - rest.mean) / math.sqrt(sum(squares)), degrees)


def effect_size(part: Moments, rest: Moments) -> float:
    """How far the means are apart, in deviations of a value; infinite where nothing varies but the means differ.

    After Chung et al., "Slice Finder: Automated Data Slicing for Model Validation", 2019: the difference times the
    root of 2 over the root of the variances' sum.
    """
    difference, spread = part.mean - rest.mean, math.sqrt(part.variance + rest.variance)
    if spread > 0:
        return math.sqrt(2) * difference / spread
    return 0.0 if difference == 0 else math.copysign(math.inf, difference)

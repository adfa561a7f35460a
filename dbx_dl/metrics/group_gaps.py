"""How far apart groups of rows are in a rate, with an interval that holds for all pairs of groups at once.

An interval of a difference or ratio of two groups is made of theirs (Zou and Donner 2008; of ratios: Donner and Zou,
"Closed-form confidence intervals for functions of the normal mean and standard deviation", 2012). Each pair gets its
share of the doubt (Bonferroni), so that the widest gap of many groups is not taken for sure by their number alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Protocol

from dbx_dl.metrics.intervals import difference_interval, share_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_STEPS = 100


class Rate(Protocol):
    """A figure of one group."""

    @property
    def value(self) -> float: ...

    def interval(self, confidence: float) -> tuple[float, float]:
        """It holds the true figure with this confidence."""


@dataclass(frozen=True)
class ShareRate:
    """A share of rows: `num_hits` of `num_rows`, both above or equal 0 and no whole numbers where rows are weighted."""

    num_hits: float
    num_rows: float

    @property
    def value(self) -> float:
        """Of 0 to 1."""
        return self.num_hits / self.num_rows

    def interval(self, confidence: float) -> tuple[float, float]:
        """Clopper and Pearson's."""
        return share_interval(self.num_hits, self.num_rows, confidence)


@dataclass(frozen=True)
class Gap:
    """The widest gap between two groups, `pair`, and its interval; `high` is infinite for a ratio without an end."""

    value: float
    low: float
    high: float
    pair: tuple[str, str]


def measure_difference(rates: Mapping[str, Rate], confidence: float, num_gaps: int = 1) -> Gap | None:
    """The largest difference between two groups; None for fewer than two.

    `num_gaps` of these share the doubt.
    """
    return _find(rates, confidence, num_gaps, lambda a, b: (a[0] - b[0], *difference_interval(*a, *b)), max)


def measure_ratio(rates: Mapping[str, Rate], confidence: float, num_gaps: int = 1) -> Gap | None:
    """The smallest ratio of two groups' rates; None for fewer than two groups, or where all rates are 0."""
    if all(rate.value <= 0 for rate in rates.values()):
        return None
    return _find(rates, confidence, num_gaps, _compare_ratio, min)


_Pair = tuple[float, tuple[float, float]]


def _find(
    rates: Mapping[str, Rate],
    confidence: float,
    num_gaps: int,
    compare: Callable[[_Pair, _Pair], tuple[float, float, float]],
    choose: Callable[[Iterable[float]], float],
) -> Gap | None:
    if len(rates) < 2:
        return None
    num_pairs = len(rates) * (len(rates) - 1) // 2
    level = 1 - (1 - confidence) / (num_pairs * num_gaps)
    known = {name: (rate.value, rate.interval(level)) for name, rate in rates.items()}
    pairs = {(a, b): compare(known[a], known[b]) for a, b in permutations(known, 2)}
    value, low, high = (choose(ends) for ends in zip(*pairs.values(), strict=True))
    widest = next(pair for pair, found in pairs.items() if found[0] == value)
    return Gap(value, max(0.0, low), high, widest)


def _compare_ratio(one: _Pair, other: _Pair) -> tuple[float, float, float]:
    (a, (a_low, a_high)), (b, (b_low, b_high)) = one, other
    if b <= 0:
        return math.inf, 0.0, math.inf
    # a - ratio * b is a difference, whose interval ends at 0 where the ratio's does.
    low = _cross(lambda ratio: a - ratio * b - math.hypot(a - a_low, ratio * (b_high - b)), a / b)
    high = _cross(lambda ratio: a - ratio * b + math.hypot(a_high - a, ratio * (b - b_low)), math.inf)
    return a / b, low, high


def _cross(falling: Callable[[float], float], end: float) -> float:
    """Where a falling function of 0 … `end` passes 0; `end` where it does not."""
    if math.isinf(end):
        end = 1.0
        while falling(end) > 0:
            end *= 2
            if end > 1e9:
                return math.inf
    low, high = 0.0, end
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2

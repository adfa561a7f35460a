"""Permutation importance: how much worse a metric is when one feature is shuffled among the rows.

Breiman, "Random Forests", 2001, section 10, for any model: Fisher, Rudin and Dominici, "All Models are Wrong, but Many
are Useful", 2019.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dbx_dl.explain.methods.rows import Floats, Player, Predict, Rows, count_rows, replace_feature, take_rows

# From predictions (N, ...) and the row (N,) that each one's shuffled value is from to the metric of all rows and of B
# resamples of them: float64 (1 + B,); see `weigh_pairs`.
Measure = Callable[[Floats, NDArray[np.int64]], Floats]


@dataclass(frozen=True)
class Importance:
    """By how much the metric is worse without a feature, and the interval of it."""

    feature: str
    value: float
    low: float
    high: float


def shuffle_feature(
    rows: Rows, known: Floats, player: Player, repeat: int, predict: Predict, measure: Measure, seed: int
) -> Floats:
    """How far the metric falls, of all rows and of resamples (1 + B,), when the feature's values are dealt out anew.

    `known` are the predictions of the rows as they are. The deal depends on the seed, the feature's name and `repeat`
    alone.
    """
    random = np.random.default_rng([seed, zlib.crc32(player.name.encode()), repeat])
    donors = random.permutation(count_rows(rows))
    shuffled = predict(replace_feature(rows, player, take_rows(rows, donors)))
    return measure(known, donors) - measure(shuffled, donors)


def weigh_pairs(weights_bn: Floats, donors: NDArray[np.int64]) -> Floats:
    """How often each pair of a row and its donor is in each of B resamples, (B, N), by how often rows are in them.

    A prediction for a row with a value of another one is of a pair of rows, and is drawn as both are: by the product of
    their numbers, as in the bootstrap of a statistic of pairs (Arcones and Gine, "On the Bootstrap of U and V
    Statistics", 1992). By its own row's number alone the luck of the donors would be left out.
    """
    return np.asarray(weights_bn * weights_bn[:, donors])


def rate_importance(
    feature: str, falls_rb: Floats, *, is_higher_better: bool, confidence: float, seed: int
) -> Importance:
    """The importance of a feature by how much the metric falls after each of R shuffles (R, 1 + B).

    The interval is a percentile one over resamples of rows, in each of which repeats are drawn again too: so it holds
    the luck of the rows, as themselves and as donors, and that of the shuffles.
    """
    drops_rb = falls_rb if is_higher_better else -falls_rb
    num_repeats, num_resamples = drops_rb.shape[0], drops_rb.shape[1] - 1
    drawn = np.random.default_rng(seed).integers(0, num_repeats, (num_repeats, num_resamples))
    means = np.take_along_axis(drops_rb[:, 1:], drawn, axis=0).mean(axis=0)
    known = means[~np.isnan(means)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail]) if len(known) else (np.nan, np.nan)
    return Importance(feature, float(drops_rb[:, 0].mean()), float(low), float(high))


def measure_importance(
    rows: Rows,
    players: Sequence[Player],
    predict: Predict,
    measure: Measure,
    *,
    is_higher_better: bool = True,
    num_repeats: int = 5,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Importance]:
    """The importance of every feature, the greatest first, in this process."""
    known, found = predict(rows), []
    for player in players:
        falls = [shuffle_feature(rows, known, player, repeat, predict, measure, seed) for repeat in range(num_repeats)]
        rated = rate_importance(
            player.name, np.stack(falls), is_higher_better=is_higher_better, confidence=confidence, seed=seed
        )
        found.append(rated)
    return sort_importance(found)


def sort_importance(found: Sequence[Importance]) -> list[Importance]:
    """The greatest first."""
    return sorted(found, key=lambda each: -each.value)


def list_deals(players: Sequence[Player], num_repeats: int) -> list[tuple[int, int]]:
    """Player and repeat of everything that has to be computed."""
    return [(number, repeat) for number in range(len(players)) for repeat in range(num_repeats)]

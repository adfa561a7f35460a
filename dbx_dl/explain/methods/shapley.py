"""Shapley values of a row's features, sampled by permutations.

Castro, Gomez and Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009, for a game in which
absent features are those of a background row: Strumbelj and Kononenko, "Explaining prediction models and individual
predictions with feature contributions", 2014. Every permutation is walked in both directions (antithetic pairs:
Mitchell et al., "Sampling Permutations for Shapley Value Estimation", 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dbx_dl.explain.methods.rows import Floats, Player, Predict, Rows, count_rows, mix_rows, take_rows

# Rows that are made at once for one row that is explained, and features in them.
_MAX_ROWS, _MAX_NUMBERS = 4096, 2**21


@dataclass(frozen=True)
class Walks:
    """The permutations int64 (W, P), each beside the one backwards, and the background row (W,) of each.

    All rows are explained by the same walks, so that a row's values do not depend on which others are explained.
    """

    orders_wp: NDArray[np.int64]
    donors_w: NDArray[np.int64]


@dataclass(frozen=True)
class Shares:
    """What each feature adds: `contributions` (N, P), which sum up to `scores` (N,) less `base` (N,).

    `errors` (N, P) are standard errors of the contributions by the spread of pairs of walks, NaN with a single pair.
    """

    contributions: Floats
    errors: Floats
    scores: Floats
    base: Floats


def draw_walks(num_players: int, num_background: int, num_permutations: int, seed: int) -> Walks:
    """At least `num_permutations` walks: pairs, of which every background row has equally many.

    Then the mean prediction of the background is exactly what contributions start from.
    """
    rounds = max(1, -(-num_permutations // (2 * num_background)))
    random = np.random.default_rng(seed)
    orders, donors = [], []
    for _ in range(rounds):
        for donor in range(num_background):
            order = random.permutation(num_players)
            orders += [order, order[::-1]]
            donors += [donor, donor]
    return Walks(np.array(orders, np.int64).reshape(-1, num_players), np.array(donors, np.int64))


def sample_shapley(
    rows: Rows, background: Rows, players: Sequence[Player], places: NDArray[np.integer], predict: Predict, walks: Walks
) -> Shares:
    """Shapley values of the N rows' features for the scores in the columns `places` (N,) of `predict`.

    Exact in this: for each row contributions sum up to its score less the mean score of the background rows.
    """
    scores = predict(rows)[np.arange(len(places)), places]
    known = predict(background)
    found = [
        _explain(take_rows(rows, slice(row, row + 1)), float(scores[row]), background, known[:, place], players,
                 int(place), predict, walks)
        for row, place in enumerate(places.tolist())
    ]  # fmt: skip
    shape = (0, len(players))
    return Shares(
        contributions=np.stack([each for each, _ in found]) if found else np.empty(shape),
        errors=np.stack([each for _, each in found]) if found else np.empty(shape),
        scores=scores,
        base=known[:, places].mean(axis=0) if count_rows(background) else np.full(len(places), np.nan),
    )


def _explain(
    row: Rows,
    score: float,
    background: Rows,
    known_b: Floats,
    players: Sequence[Player],
    place: int,
    predict: Predict,
    walks: Walks,
) -> tuple[Floats, Floats]:
    num_walks, num_players = walks.orders_wp.shape
    values_ws = np.empty((num_walks, num_players + 1))
    values_ws[:, 0], values_ws[:, -1] = known_b[walks.donors_w], score
    ranks_wp, num_steps = np.argsort(walks.orders_wp, axis=1), max(0, num_players - 1)
    size = max(1, min(_MAX_ROWS, _MAX_NUMBERS // max(1, num_players)))
    for start in range(0, num_walks * num_steps, size):
        walk_r, step_r = np.divmod(np.arange(start, min(start + size, num_walks * num_steps)), num_steps)
        # After `step` + 1 players are in, of the steps between none and all.
        is_in_rp = ranks_wp[walk_r] <= step_r[:, None]
        others = take_rows(background, walks.donors_w[walk_r])
        values_ws[walk_r, step_r + 1] = predict(mix_rows(row, others, players, is_in_rp))[:, place]
    gains_wp = np.empty((num_walks, num_players))
    np.put_along_axis(gains_wp, walks.orders_wp, np.diff(values_ws, axis=1), axis=1)
    pairs = gains_wp.reshape(-1, 2, num_players).mean(axis=1)
    spread = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else np.full(num_players, np.nan)
    return pairs.mean(axis=0), spread

"""Functions that predict, whose explanations are known."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np

from dbx_dl.explain.methods.rows import Floats, Player, Predict, Rows, mix_rows

NAMES = ("a", "b", "c", "d")
PLAYERS = tuple(Player(name, (name,)) for name in NAMES)


def draw_rows(num_rows: int, seed: int) -> dict[str, np.ndarray]:
    """Rows of four numbers."""
    random = np.random.default_rng(seed)
    return {name: random.normal(size=num_rows) for name in NAMES}


def predict_jointly(rows: Rows) -> Floats:
    """Two scores of rows: one in which features act together, one that only `a` decides."""
    a, b, c, d = (rows[name] for name in NAMES)
    return np.stack([a * b + np.maximum(c, d) + 2 * a, a], axis=1)


def count_exactly(row: Rows, background: Rows, place: int, predict: Predict) -> Floats:
    """Shapley values by all coalitions, of the game in which absent features are averaged over the background."""
    num_players, num_rows = len(PLAYERS), len(background[NAMES[0]])

    def value(members: tuple[int, ...]) -> float:
        is_in = np.zeros((num_rows, num_players), bool)
        is_in[:, list(members)] = True
        return float(predict(mix_rows(row, background, PLAYERS, is_in))[:, place].mean())

    shares = np.zeros(num_players)
    for player in range(num_players):
        others = [other for other in range(num_players) if other != player]
        for size in range(num_players):
            weight = factorial(size) * factorial(num_players - size - 1) / factorial(num_players)
            for members in combinations(others, size):
                shares[player] += weight * (value((*members, player)) - value(members))
    return shares

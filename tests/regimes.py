"""Signals that switch between hidden regimes, for labels by step; who knows how they are made knows the best answer."""

from __future__ import annotations

from typing import Any

import numpy as np

REGIMES = ("calm", "rising", "wild")
STAY = 0.9
# By regime: mean and deviation of each of both signals.
MEANS = np.array([[-0.7, 0.0], [0.7, 0.0], [0.0, 0.0]])
DEVIATIONS = np.array([[1.0, 0.6], [1.0, 0.6], [1.0, 1.6]])
TRANSITIONS = np.full((3, 3), (1 - STAY) / 2) + np.eye(3) * (STAY - (1 - STAY) / 2)


def write_signals(num_rows: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows with `id`, both signals `x` and `y` of 10 to 40 steps, and the `regime` of each step."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(num_rows):
        length = int(random.integers(10, 41))
        regimes = [int(random.integers(3))]
        for _ in range(length - 1):
            regimes.append(int(random.choice(3, p=TRANSITIONS[regimes[-1]])))
        signals = random.normal(MEANS[regimes], DEVIATIONS[regimes])
        names = [REGIMES[regime] for regime in regimes]
        rows.append({"id": f"{number:04d}", "x": signals[:, 0].tolist(), "y": signals[:, 1].tolist(), "regime": names})
    return rows


def guess_regimes(row: dict[str, Any], *, with_neighbours: bool) -> list[str]:
    """The likeliest regime of each step: given all steps of the row (forwards and backwards), or each for itself.

    Rabiner, "A tutorial on hidden Markov models", 1989.
    """
    signals = np.stack([row["x"], row["y"]], axis=1)[:, None]
    logs = -(((signals - MEANS) / DEVIATIONS) ** 2) / 2 - np.log(DEVIATIONS)
    likelihoods = np.exp(logs.sum(axis=2))
    ahead, behind = np.ones_like(likelihoods), np.ones_like(likelihoods)
    if with_neighbours:
        for step in range(1, len(signals)):
            ahead[step] = _normalize((ahead[step - 1] * likelihoods[step - 1]) @ TRANSITIONS)
        for step in range(len(signals) - 2, -1, -1):
            behind[step] = _normalize(TRANSITIONS @ (behind[step + 1] * likelihoods[step + 1]))
    return [REGIMES[regime] for regime in (ahead * likelihoods * behind).argmax(axis=1)]


def measure_guesses(rows: list[dict[str, Any]], *, with_neighbours: bool) -> float:
    """The share of steps whose regime is guessed right."""
    right = [
        guess == truth
        for row in rows
        for guess, truth in zip(guess_regimes(row, with_neighbours=with_neighbours), row["regime"], strict=True)
    ]
    return float(np.mean(right))


def _normalize(shares: np.ndarray) -> np.ndarray:
    return np.asarray(shares / shares.sum())

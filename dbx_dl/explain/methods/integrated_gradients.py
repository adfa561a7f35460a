"""Integrated gradients: what each entry of a row adds on the straight way from a baseline to the row.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017, with Gauss-Legendre quadrature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# From rows (M,) as places among those that are explained, and values (M, ...), to scores (M,) and gradients (M, ...).
Evaluate = Callable[[NDArray[np.int64], NDArray[np.float32]], tuple[NDArray[Any], NDArray[Any]]]

_MAX_NUMBERS = 2**22
# Of scores that hardly differ, so much of a gap is rounding.
_LEAST_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class PathShares:
    """What entries add (N, ...), the scores (N,) of the rows and of the baselines, and what is left unexplained (N,).

    `gaps` are scores - base - the sum of what entries add: with an infinity of steps they would be 0 (completeness).
    """

    contributions: Floats
    scores: Floats
    base: Floats
    gaps: Floats


def integrate_gradients(
    values: NDArray[np.float32],
    baselines: NDArray[np.float32],
    evaluate: Evaluate,
    *,
    num_steps: int,
    max_steps: int,
    tolerance: float,
) -> PathShares:
    """Integrated gradients of N rows' `values` (N, ...) from `baselines` of the same shape.

    Rows whose gap is above `tolerance` times the difference of their scores are walked again in twice as many steps,
    up to `max_steps`.
    """
    num_rows = len(values)
    every = np.arange(num_rows)
    scores, base = (_evaluate(every, each, evaluate)[0] for each in (values, baselines))
    found = np.zeros(values.shape, np.float64)
    gaps, steps, rows = np.zeros(num_rows), num_steps, every
    while len(rows):
        found[rows] = _walk(rows, values, baselines, evaluate, steps)
        gaps = scores - base - found.reshape(num_rows, -1).sum(axis=1)
        limit = tolerance * np.maximum(np.abs(scores - base), _LEAST_DIFFERENCE)
        steps *= 2
        rows = np.flatnonzero(np.abs(gaps) > limit) if steps <= max_steps else every[:0]
    return PathShares(found, scores, base, gaps)


def _walk(
    rows: NDArray[np.int64], values: NDArray[Any], baselines: NDArray[Any], evaluate: Evaluate, num_steps: int
) -> Floats:
    points, weights = np.polynomial.legendre.leggauss(num_steps)
    shares, weights = (points + 1) / 2, weights / 2
    means = np.zeros((len(rows), *values.shape[1:]))
    ways = (values[rows] - baselines[rows]).astype(np.float64)
    for share, weight in zip(shares, weights, strict=True):
        between = (baselines[rows] + share * ways).astype(np.float32)
        means += weight * _evaluate(rows, between, evaluate)[1]
    return np.asarray(means * ways)


def _evaluate(rows: NDArray[np.int64], values: NDArray[Any], evaluate: Evaluate) -> tuple[Floats, Floats]:
    """Scores and gradients, of so many rows at once that memory stays bounded."""
    size = max(1, _MAX_NUMBERS // max(1, values[:1].size))
    scores, gradients = np.empty(len(rows)), np.empty(values.shape)
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        scores[part], gradients[part] = evaluate(rows[part], values[part])
    return scores, gradients

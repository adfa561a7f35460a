"""Whether a classifier can tell two samples of vectors apart, which it cannot where they come from one distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.activations import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NUM_FOLDS, _MAX_STEPS, _RIDGE = 2, 50, 1.0
_LEAST_ROWS = 20


def separability(one: Floats, other: Floats, seed: int = 0) -> tuple[float, float] | None:
    """Accuracy on held-out rows by which a logistic regression tells samples (N, K) and (M, K) apart; its p-value.

    The classifier two-sample test of Lopez-Paz and Oquab 2017, arXiv:1610.06545, with squares of the features beside
    them, so that it also sees other spreads. The larger sample is cut to the smaller one's rows, drawn by `seed`. Two
    folds: each is predicted by the other one's classifier; of a fold the p-value is the exact binomial's, and of both
    twice the smaller one (Bonferroni), since they are not independent. None for fewer than 20 rows.
    """
    size = min(len(one), len(other))
    if size < _LEAST_ROWS:
        return None
    rng = np.random.default_rng(seed)
    drawn = [rows[rng.permutation(len(rows))[:size]] for rows in (one, other)]
    folds = np.arange(size) % _NUM_FOLDS
    accuracies, p_values = [], []
    for fold in range(_NUM_FOLDS):
        train, test = ([rows[(folds == fold) == is_test] for rows in drawn] for is_test in (False, True))
        hits, of = _count_hits(train, test)
        accuracies.append(hits / of)
        p_values.append(_binomial_tail(hits, of))
    return float(np.mean(accuracies)), min(1.0, _NUM_FOLDS * min(p_values))


def _count_hits(train: list[Floats], test: list[Floats]) -> tuple[int, int]:
    inputs, labels = _stack(train)
    center, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[scale == 0] = 1.0
    weights = _fit_logistic(_expand((inputs - center) / scale), labels)
    inputs, labels = _stack(test)
    scores = _expand((inputs - center) / scale) @ weights
    # A score of exactly 0 is a guess; counted as a hit for one of both samples, which are equally large.
    return int(((scores > 0) == (labels > 0.5)).sum()), len(labels)


def _stack(parts: list[Floats]) -> tuple[Floats, Floats]:
    labels = np.repeat([0.0, 1.0], [len(part) for part in parts])
    return np.concatenate(parts), labels


def _expand(inputs: Floats) -> Floats:
    bounded = np.clip(inputs, -10.0, 10.0)
    return np.concatenate([np.ones((len(inputs), 1)), bounded, bounded**2], axis=1)


def _fit_logistic(inputs: Floats, labels: Floats) -> Floats:
    """Weights of a logistic regression with an L2 penalty, by Newton's method with halved steps."""
    penalty = _RIDGE * np.eye(inputs.shape[1])
    penalty[0, 0] = 1e-6

    def loss(at: Floats) -> float:
        z = inputs @ at
        return float((np.logaddexp(0, z) - labels * z).sum() + at @ penalty @ at / 2)

    weights = np.zeros(inputs.shape[1])
    for _ in range(_MAX_STEPS):
        p = sigmoid(inputs @ weights)
        gradient = inputs.T @ (p - labels) + penalty @ weights
        curvature = (inputs * (p * (1 - p))[:, None]).T @ inputs + penalty
        step, rate = np.linalg.solve(curvature, gradient), 1.0
        while rate > 1e-8 and loss(weights - rate * step) > loss(weights):
            rate /= 2
        weights = weights - rate * step
        if np.abs(rate * step).max() < 1e-8:
            break
    return weights


def _binomial_tail(hits: int, of: int) -> float:
    """P(X >= hits) of `of` fair coins."""
    logs = [math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) for k in range(hits, of + 1)]
    return min(1.0, math.fsum(math.exp(log - of * math.log(2)) for log in logs))

"""How unsure a model is of an item, from its probabilities: 0 where it is certain, greater where it is less so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.config.label import UncertaintyName

    Floats = NDArray[np.float64]


def measure_uncertainty(probabilities_nc: NDArray[np.floating], by: UncertaintyName) -> Floats:
    """Of items (N, C) with one class each, float64 (N,); NaN where a probability is.

    After Settles 2009, "Active Learning Literature Survey", 3.1. least_confident: one less the greatest probability.
    margin: one less what the greatest is above the next one. entropy: in shares of the greatest there can be.
    """
    p = probabilities_nc.astype(np.float64)
    if by == "entropy":
        terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), np.where(np.isnan(p), np.nan, 0))
        return np.asarray(-terms.sum(axis=1) / np.log(max(2, p.shape[1])))
    ordered = np.sort(np.concatenate([p, np.zeros((len(p), 1))], axis=1), axis=1)
    best = np.where(np.isnan(p).any(axis=1), np.nan, p.max(axis=1, initial=0.0))
    if by == "least_confident":
        return np.asarray(1 - best)
    # Sorting puts NaN last, and zeros that were added first.
    return np.asarray(1 - (best - ordered[:, -2]))


def measure_set_uncertainty(probabilities_nl: NDArray[np.floating], by: UncertaintyName) -> Floats:
    """Of items (N, L) with any of L labels each: that of the label that the model is least sure of."""
    p = probabilities_nl.astype(np.float64)
    yes_or_no = np.stack([p, 1 - p], axis=2).reshape(-1, 2)
    return np.asarray(measure_uncertainty(yes_or_no, by).reshape(p.shape).max(axis=1, initial=0.0))

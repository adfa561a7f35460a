"""How far people who label the same items agree, beyond what chance alone would give.

Ratings are three arrays (M,) of whole numbers, one entry a rating: whose item, by which annotator, which class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class PairAgreement:
    """Two annotators: how many items both rated, the share of them that they rated alike, and Cohen's kappa."""

    first: int
    second: int
    num_items: int
    share: float
    kappa: float


def cohen_kappa(first_n: Indices, second_n: Indices) -> float:
    """Agreement of two annotators' classes (N,) of the same items, 1 where they always agree, 0 as by chance.

    Cohen 1960, "A Coefficient of Agreement for Nominal Scales". NaN without items, and where both give all items one
    and the same class: chance alone would agree as well.
    """
    if len(first_n) == 0:
        return float("nan")
    classes, placed = np.unique(np.concatenate([first_n, second_n]), return_inverse=True)
    first, second = placed[: len(first_n)], placed[len(first_n) :]
    shares = [np.bincount(side, minlength=len(classes)) / len(side) for side in (first, second)]
    return _beyond_chance(float((first == second).mean()), float(shares[0] @ shares[1]))


def count_ratings(items_m: Indices, classes_m: Indices, num_items: int, num_classes: int) -> NDArray[np.int64]:
    """How many ratings of each item are for each class (N, C)."""
    counts = np.zeros((num_items, num_classes), np.int64)
    np.add.at(counts, (items_m, classes_m), 1)
    return counts


def fleiss_kappa(counts_nc: NDArray[np.integer]) -> float:
    """Agreement of any number of annotators, from how many of an item's ratings are for each class (N, C).

    Fleiss 1971, "Measuring Nominal Scale Agreement among Many Raters", where all items have as many ratings. Where some
    are missing, which Fleiss does not treat, items with fewer than two ratings are left out of everything, and each of
    the others counts alike: observed is the mean, over these items, of the share of an item's pairs of ratings that
    agree; a class's share, for what chance gives, is the mean of its shares of each item's ratings. NaN where nothing
    is left, or all ratings are for one class.
    """
    counts = counts_nc[counts_nc.sum(axis=1) >= 2].astype(np.float64)
    if len(counts) == 0:
        return float("nan")
    ratings = counts.sum(axis=1)
    alike = (counts * (counts - 1)).sum(axis=1) / (ratings * (ratings - 1))
    shares = (counts / ratings[:, None]).mean(axis=0)
    return _beyond_chance(float(alike.mean()), float(shares @ shares))


def compare_annotators(items_m: Indices, annotators_m: Indices, classes_m: Indices) -> list[PairAgreement]:
    """Every two annotators who rated an item in common, by `cohen_kappa` of those items; one rating each an item."""
    by_annotator = {}
    for annotator in np.unique(annotators_m).tolist():
        is_own = annotators_m == annotator
        by_annotator[annotator] = (items_m[is_own], classes_m[is_own])
    found = []
    for first, (first_items, first_classes) in by_annotator.items():
        for second, (second_items, second_classes) in by_annotator.items():
            if second <= first:
                continue
            both, at_first, at_second = np.intersect1d(first_items, second_items, return_indices=True)
            if not len(both):
                continue
            one, other = first_classes[at_first], second_classes[at_second]
            share = float((one == other).mean())
            found.append(PairAgreement(first, second, len(both), share, cohen_kappa(one, other)))
    return found


def _beyond_chance(observed: float, expected: float) -> float:
    return float("nan") if expected >= 1 - 1e-12 else (observed - expected) / (1 - expected)

"""One class for an item that several annotators rated: by majority, or by how far each annotator can be trusted.

Ratings are three arrays (M,) of whole numbers, one entry a rating: whose item, by which annotator, which class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.integer[Any]]

_MAX_STEPS = 200
_TOLERANCE = 1e-7
# Two classes as likely as each other, but for rounding.
_TIE = 1e-9
# Numbers that ratings by classes take at a time.
_BLOCK_CELLS = 2**22


@dataclass(frozen=True)
class Consensus:
    """Of each item the probabilities of classes (N, C), the chosen class (N,), and whether another is as likely (N,).

    An item without ratings has the chosen class -1 and no probabilities (NaN).
    """

    probabilities_nc: Floats
    classes_n: NDArray[np.int64]
    is_tied_n: NDArray[np.bool_]

    @property
    def confidences_n(self) -> Floats:
        """The probability of the chosen class."""
        return np.asarray(self.probabilities_nc.max(axis=1)) if len(self.classes_n) else np.zeros(0)


@dataclass(frozen=True)
class TrustedConsensus(Consensus):
    """`Consensus` with what was learned of the classes and of each annotator.

    `priors_c`: how frequent the classes are. `confusions_acc`: how often annotator a says the class in the last place
    of an item of the class before it. `objectives`: what each step made as large as it could.
    """

    priors_c: Floats
    confusions_acc: Floats
    objectives: tuple[float, ...]

    @property
    def accuracies_a(self) -> Floats:
        """How often each annotator is right, over items as they are."""
        return np.asarray(np.einsum("c,acc->a", self.priors_c, self.confusions_acc))


def vote(items_m: Indices, classes_m: Indices, num_items: int, num_classes: int) -> Consensus:
    """The class that most of an item's ratings are for; probabilities are shares of its ratings.

    Of classes with as many ratings the one is taken that more of all ratings are for, then the lower one: `is_tied_n`.
    """
    counts = np.zeros((num_items, num_classes))
    np.add.at(counts, (items_m, classes_m), 1)
    num_ratings = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, num_ratings, out=np.full(counts.shape, np.nan), where=num_ratings > 0)
    return Consensus(shares, *_choose(shares, counts.sum(axis=0)))


def weigh_annotators(
    items_m: Indices,
    annotators_m: Indices,
    classes_m: Indices,
    num_items: int,
    num_classes: int,
    *,
    smoothing: float = 1.0,
) -> TrustedConsensus:
    """Probabilities of an item's class from how far its annotators can be trusted, learned from all ratings at once.

    Dawid and Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", begun from the
    shares of ratings. `smoothing` ratings are added to each row of each annotator's confusions and to the classes'
    frequencies, spread over the classes as all ratings together are: one who rated little is taken for an average one.
    It converges to the nearest maximum, not always to the greatest. It takes memory for some arrays of N x C and of
    annotators x C x C numbers. ValueError where no class is known.
    """
    if num_classes < 1:
        raise ValueError("there are no classes")
    num_annotators = int(annotators_m.max()) + 1 if len(annotators_m) else 0
    posterior = np.nan_to_num(vote(items_m, classes_m, num_items, num_classes).probabilities_nc)
    added_cc = _spread(posterior, items_m, classes_m, smoothing)
    objectives: list[float] = []
    while True:
        counts_acc = np.tile(added_cc, (num_annotators, 1, 1))
        for part in _cut_ratings(len(items_m), num_classes):
            places = annotators_m[part], classes_m[part]
            np.add.at(counts_acc.transpose(0, 2, 1), places, posterior[items_m[part]])
        priors_c, confusions_acc = _maximise(posterior.sum(axis=0) + smoothing / num_classes, counts_acc)
        before = posterior
        posterior, likelihood = _expect(priors_c, confusions_acc, items_m, annotators_m, classes_m, num_items)
        objectives.append(likelihood + _weigh_added(priors_c, confusions_acc, added_cc, smoothing))
        if len(objectives) == _MAX_STEPS or np.abs(posterior - before).max(initial=0.0) < _TOLERANCE:
            break
    is_rated = np.bincount(items_m, minlength=num_items) > 0
    probabilities = np.where(is_rated[:, None], posterior, np.nan)
    classes, is_tied = _choose(probabilities, priors_c)
    return TrustedConsensus(probabilities, classes, is_tied, priors_c, confusions_acc, tuple(objectives))


def _cut_ratings(num_ratings: int, num_classes: int) -> Iterator[slice]:
    """Ratings in their order, so many at a time that an array of them by classes stays small."""
    size = max(1, _BLOCK_CELLS // max(1, num_classes))
    return (slice(start, start + size) for start in range(0, num_ratings, size))


def _spread(posterior_nc: Floats, items_m: Indices, classes_m: Indices, smoothing: float) -> Floats:
    """`smoothing` ratings of an average annotator, by the true class (C, C)."""
    num_classes = posterior_nc.shape[1]
    counts_cc = np.full((num_classes, num_classes), 1 / num_classes)
    for part in _cut_ratings(len(items_m), num_classes):
        np.add.at(counts_cc.T, classes_m[part], posterior_nc[items_m[part]])
    return np.asarray(smoothing * counts_cc / counts_cc.sum(axis=1, keepdims=True))


def _maximise(frequencies_c: Floats, counts_acc: Floats) -> tuple[Floats, Floats]:
    num_classes = len(frequencies_c)
    sums = counts_acc.sum(axis=2, keepdims=True)
    confusions = np.divide(counts_acc, sums, out=np.full(counts_acc.shape, 1 / num_classes), where=sums > 0)
    return frequencies_c / (frequencies_c.sum() or 1), confusions


def _expect(
    priors_c: Floats,
    confusions_acc: Floats,
    items_m: Indices,
    annotators_m: Indices,
    classes_m: Indices,
    num_items: int,
) -> tuple[Floats, float]:
    """Probabilities of classes (N, C), 0 for items without ratings, and the logarithm of the ratings' likelihood."""
    with np.errstate(divide="ignore"):
        logs_acc, log_priors = np.log(confusions_acc), np.log(priors_c)
    is_rated = np.bincount(items_m, minlength=num_items) > 0
    logs_nc = np.where(is_rated[:, None], log_priors, -np.inf)
    for part in _cut_ratings(len(items_m), logs_nc.shape[1]):
        np.add.at(logs_nc, items_m[part], logs_acc[annotators_m[part], :, classes_m[part]])
    peaks = logs_nc.max(axis=1, keepdims=True, initial=-np.inf)
    peaks[~np.isfinite(peaks)] = 0
    scaled = np.exp(logs_nc - peaks)
    sums = scaled.sum(axis=1, keepdims=True)
    posterior = np.divide(scaled, sums, out=np.zeros_like(scaled), where=sums > 0)
    return posterior, float((np.log(sums[is_rated]) + peaks[is_rated]).sum())


def _weigh_added(priors_c: Floats, confusions_acc: Floats, added_cc: Floats, smoothing: float) -> float:
    """What the added ratings add to the logarithm, so that no step of EM makes the objective smaller."""
    if smoothing == 0:
        return 0.0
    return float((added_cc * np.log(confusions_acc)).sum() + smoothing / len(priors_c) * np.log(priors_c).sum())


def _choose(probabilities_nc: Floats, weights_c: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The likeliest class, of equal ones the weightiest, then the lowest, -1 without any; and whether it is tied."""
    known = np.nan_to_num(probabilities_nc, nan=-1.0)
    is_best = known >= known.max(axis=1, keepdims=True, initial=-1.0) - _TIE
    chosen = np.where(is_best, weights_c, -1.0).argmax(axis=1) if known.size else np.zeros(len(known), np.int64)
    is_rated = (known > 0).any(axis=1)
    return np.where(is_rated, chosen, -1), (is_best.sum(axis=1) > 1) & is_rated

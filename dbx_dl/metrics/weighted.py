"""The metrics of predictions under many weightings of the same rows at once, as resampling needs them.

Each function takes labels and predictions as the plain metrics do and B weightings (B, N) of the N rows, and gives the
asked metrics, float64 (B,) each. Whole weights count a row so often as it were repeated; NaN where a weighting leaves a
metric undefined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SMALLEST_PROBABILITY = 1e-15


def weigh_classes(
    labels: NDArray[Any], probabilities: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
) -> dict[str, Floats]:
    """These of `classification_metrics` of classes int (N,) and probabilities (N, C) under B weightings, see above."""
    weights_bn = share_weights(weights_bn)
    num_classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    is_right = predicted == labels
    labelled, guessed = (_sum_by_class(weights_bn, classes, num_classes) for classes in (labels, predicted))
    hits = _sum_by_class(weights_bn[:, is_right], labels[is_right], num_classes)
    recalls, f1 = _divide(hits, labelled), _divide(2 * hits, labelled + guessed)
    rows = {
        "accuracy": is_right.astype(np.float64),
        "log_loss": -np.log(np.clip(chosen, _SMALLEST_PROBABILITY, 1.0)),
        "brier": (probabilities.astype(np.float64) ** 2).sum(axis=1) - 2 * chosen + 1,
    }
    found = {
        **{name: weights_bn @ values for name, values in rows.items()},
        "balanced_accuracy": _mean_of_known(recalls),
        "f1_macro": _mean_of_known(f1),
    }
    if "auc" in metrics:
        # Of class 1 of two, else the mean over classes.
        classes = range(1, 2) if num_classes == 2 else range(num_classes)
        areas = [_weigh_area(labels == k, probabilities[:, k], weights_bn) for k in classes]
        found["auc"] = np.asarray(np.mean(areas, axis=0))
    return {name: found[name] for name in metrics}


def _sum_by_class(weights_bn: Floats, classes: NDArray[Any], num_classes: int) -> Floats:
    """The weight of every class' rows, (B, C); no matrix of rows by classes, which may be large."""
    sums_bc = np.zeros((len(weights_bn), num_classes))
    if len(classes):
        order = np.argsort(classes, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(classes[order]) != 0])
        sums_bc[:, classes[order][starts]] = np.add.reduceat(weights_bn[:, order], starts, axis=1)
    return sums_bc


def weigh_label_sets(
    labels: NDArray[Any], probabilities: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
) -> dict[str, Floats]:
    """These of `multilabel_metrics` of multi-hot (N, L) and probabilities (N, L) under B weightings, see above."""
    weights_bn, probabilities, is_label = share_weights(weights_bn), probabilities.astype(np.float64), labels > 0.5
    is_predicted = probabilities >= 0.5
    hits, labelled, guessed = (
        weights_bn @ x.astype(np.float64) for x in (is_label & is_predicted, is_label, is_predicted)
    )
    p = np.clip(probabilities, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    losses = -np.where(is_label, np.log(p), np.log1p(-p)).mean(axis=1)
    total = labelled + guessed
    found = {
        "exact_match": weights_bn @ (is_label == is_predicted).all(axis=1).astype(np.float64),
        "f1_macro": np.nan_to_num(_divide(2 * hits, total)).mean(axis=1),
        "f1_micro": np.nan_to_num(_divide(2 * hits.sum(axis=1), total.sum(axis=1))),
        "log_loss": weights_bn @ losses,
    }
    if "auc" in metrics:
        columns = range(probabilities.shape[1])
        areas = [_weigh_area(is_label[:, k], probabilities[:, k], weights_bn) for k in columns]
        found["auc"] = _mean_of_known(np.stack(areas, axis=1))
    return {name: found[name] for name in metrics}


def weigh_numbers(
    labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
) -> dict[str, Floats]:
    """These of `regression_metrics` of numbers (N,) and (N,) under B weightings, see above."""
    found = _weigh_errors(labels.astype(np.float64), predictions.astype(np.float64), share_weights(weights_bn))
    return {name: found[name] for name in metrics}


def weigh_counts(
    labels: NDArray[Any], rates: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
) -> dict[str, Floats]:
    """These of `count_metrics` of counts (N,) and rates (N,) under B weightings, see above."""
    weights_bn, counts, expected = share_weights(weights_bn), labels.astype(np.float64), rates.astype(np.float64)
    ratios = np.where(counts > 0, counts, expected) / expected
    deviances = weights_bn @ (2 * (counts * np.log(ratios) - counts + expected))
    found = _weigh_errors(counts, expected, weights_bn) | {"poisson_deviance": deviances}
    return {name: found[name] for name in metrics}


def share_weights(weights_bn: Floats) -> Floats:
    """Each weighting (B, N) divided by its sum."""
    return np.asarray(weights_bn / weights_bn.sum(axis=1, keepdims=True))


def _weigh_errors(truth: Floats, predicted: Floats, weights_bn: Floats) -> dict[str, Floats]:
    errors = truth - predicted
    mean_square = weights_bn @ errors**2
    # Around the overall mean, so that large labels lose no digits.
    centered = truth - truth.mean()
    spread = weights_bn @ centered**2 - (weights_bn @ centered) ** 2
    is_known = truth != 0
    shares = np.where(is_known, np.abs(errors) / np.where(is_known, np.abs(truth), 1.0), 0.0)
    is_spread = spread > 1e-12 * max(float(np.mean(centered**2)), 1e-300)
    return {
        "mae": weights_bn @ np.abs(errors),
        "rmse": np.sqrt(mean_square),
        "r2": 1 - _divide(mean_square, np.where(is_spread, spread, 0.0)),
        "mape": _divide(weights_bn @ shares, weights_bn @ is_known.astype(np.float64)),
    }


def _weigh_area(is_positive: NDArray[np.bool_], scores: NDArray[Any], weights_bn: Floats) -> Floats:
    """The area under the ROC curve (B,): the weight of pairs in which the positive row's score is above, ties half."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    sorted_bn = weights_bn[:, order]
    positive_bg = np.add.reduceat(sorted_bn * is_positive[order], starts, axis=1)
    negative_bg = np.add.reduceat(sorted_bn * ~is_positive[order], starts, axis=1)
    below_bg = np.cumsum(negative_bg, axis=1) - negative_bg / 2
    return _divide((positive_bg * below_bg).sum(axis=1), positive_bg.sum(axis=1) * negative_bg.sum(axis=1))


def _divide(values: Floats, by: Floats) -> Floats:
    """NaN where the divisor is 0."""
    return np.asarray(np.divide(values, by, out=np.full(np.shape(values), np.nan), where=by > 0))


def _mean_of_known(values_bk: Floats) -> Floats:
    is_known = ~np.isnan(values_bk)
    return _divide(np.where(is_known, values_bk, 0.0).sum(axis=1), is_known.sum(axis=1).astype(np.float64))


def draw_weights(num_rows: int, num_resamples: int, seed: int, max_cells: int = 2**22) -> Iterator[Floats]:
    """How often each of N rows is in each resample of N rows with replacement: blocks (b, N) of `num_resamples` in all.

    A block has about `max_cells` numbers at most; the draws do not depend on that.
    """
    random = np.random.default_rng(seed)
    size = max(1, max_cells // max(1, num_rows))
    for start in range(0, num_resamples, size):
        num_drawn = min(size, num_resamples - start)
        drawn = random.integers(0, num_rows, (num_drawn, num_rows)) + np.arange(num_drawn)[:, None] * num_rows
        yield np.bincount(drawn.ravel(), minlength=num_drawn * num_rows).reshape(num_drawn, num_rows).astype(np.float64)

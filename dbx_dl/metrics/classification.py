"""Metrics of class probabilities against class labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.ranking import area_under_curve
from dbx_dl.metrics.weighting import average, keep_weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST_PROBABILITY = 1e-15


def classification_metrics(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
    *,
    top_k: Sequence[int] = (),
) -> dict[str, float]:
    """Metrics of probabilities (N, C) for labels (N,), rows weighted by `weights` (N,), else alike; none without rows.

    accuracy; balanced_accuracy, the mean recall of the classes that have rows; f1_macro over the classes that are a
    label or a prediction (micro F1 is the accuracy here); log_loss; brier, the mean squared distance between
    probabilities and truth; auc of class 1 for two classes, else the unweighted mean over one-versus-rest, left out
    where a class has no row, since it is undefined then; `top_<k>_accuracy` for each k below the number of classes.
    """
    weights, labels, probabilities = keep_weighted(weights, labels, probabilities)
    if len(labels) == 0:
        return {}
    num_classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    hits, num_labelled, num_predicted = _count(labels, predicted, weights, num_classes)
    has_label, is_used = num_labelled > 0, num_labelled + num_predicted > 0
    values = {
        "accuracy": average(predicted == labels, weights),
        "balanced_accuracy": float(np.mean(hits[has_label] / num_labelled[has_label])),
        "f1_macro": float(np.mean(2 * hits[is_used] / (num_labelled + num_predicted)[is_used])),
        "log_loss": -average(np.log(np.clip(chosen, _SMALLEST_PROBABILITY, 1.0)), weights),
        "brier": average((probabilities.astype(np.float64) ** 2).sum(axis=1) - 2 * chosen + 1, weights),
    }
    if has_label.all():
        per_class = range(1, 2) if num_classes == 2 else range(num_classes)
        areas = [area_under_curve(labels == k, probabilities[:, k], weights) for k in per_class]
        values["auc"] = float(np.mean(areas))
    # Classes that are as likely as the label's count against it, so that a constant prediction is no hit.
    num_above = (probabilities >= probabilities[np.arange(len(labels)), labels][:, None]).sum(axis=1)
    return values | {f"top_{k}_accuracy": average(num_above <= k, weights) for k in top_k if k < num_classes}


def _count(
    labels: NDArray[np.integer],
    predicted: NDArray[np.integer],
    weights: NDArray[np.float64] | None,
    num_classes: int,
) -> tuple[NDArray[np.number], NDArray[np.number], NDArray[np.number]]:
    """Per class: rows, or their weight, that were rightly predicted, that have the label, that have the prediction."""
    is_hit = labels == predicted
    hits = np.bincount(labels[is_hit], None if weights is None else weights[is_hit], num_classes)
    return hits, np.bincount(labels, weights, num_classes), np.bincount(predicted, weights, num_classes)

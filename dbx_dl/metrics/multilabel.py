"""Metrics of probabilities against sets of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.ranking import area_under_curve
from dbx_dl.metrics.weighting import average, keep_weighted, total_by_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST_PROBABILITY = 1e-15


def multilabel_metrics(
    labels: NDArray[np.floating], probabilities: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """Metrics of probabilities (N, L) for multi-hot labels (N, L), rows weighted by `weights` (N,); none without rows.

    A label is predicted from a probability of 0.5. exact_match, the share of rows with exactly the right labels;
    f1_macro over labels (0 for one that is never a label nor predicted), f1_micro over all; log_loss, the mean over
    rows and labels; auc, the mean over the labels that some rows have and some do not, left out where there is none.
    """
    weights, labels, probabilities = keep_weighted(weights, labels, probabilities)
    if len(labels) == 0:
        return {}
    is_label, is_predicted = labels > 0.5, probabilities >= 0.5
    hits = total_by_column(is_label & is_predicted, weights)
    total = total_by_column(is_label, weights) + total_by_column(is_predicted, weights)
    p = np.clip(probabilities.astype(np.float64), _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    values = {
        "exact_match": average((is_label == is_predicted).all(axis=1), weights),
        "f1_macro": float(np.mean(2 * hits / np.where(total > 0, total, 1))),
        "f1_micro": float(2 * hits.sum() / (total.sum() or 1)),
        "log_loss": -average(np.where(is_label, np.log(p), np.log1p(-p)), weights),
    }
    areas = [area_under_curve(is_label[:, k], probabilities[:, k], weights) for k in range(labels.shape[1])]
    if not np.isnan(areas).all():
        values["auc"] = float(np.nanmean(areas))
    return values

"""Metrics of class probabilities against labels: one definition for training, export gate and promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Class probabilities float64 (N, C) of logits (N, C), stable for large values."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponents = np.exp(shifted)
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def classification_metrics(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> dict[str, float]:
    """Accuracy, log_loss and AUC of probabilities (N, C) for labels (N,).

    AUC is that of class 1 for two classes, else the unweighted mean over one-versus-rest; it is left out where a class
    has no row, since it is undefined then. An empty input gives no metrics.
    """
    if len(labels) == 0:
        return {}
    from sklearn.metrics import roc_auc_score

    num_classes = probabilities.shape[1]
    chosen = np.clip(probabilities[np.arange(len(labels)), labels].astype(np.float64), 1e-15, 1.0)
    values = {
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == labels)),
        "log_loss": float(-np.mean(np.log(chosen))),
    }
    if len(np.unique(labels)) == num_classes:
        per_class = range(1, 2) if num_classes == 2 else range(num_classes)
        values["auc"] = float(np.mean([roc_auc_score(labels == k, probabilities[:, k]) for k in per_class]))
    return values


def is_better(metric: str, value: float, other: float) -> bool:
    """Whether `value` beats `other`: lower for losses, higher for everything else."""
    return value < other if metric.endswith("loss") else value > other

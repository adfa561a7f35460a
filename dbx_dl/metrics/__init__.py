"""Metrics of predictions against labels: one definition for training, export gate and promotion."""

from collections.abc import Callable

from dbx_dl.metrics.activations import sigmoid, softmax
from dbx_dl.metrics.classification import classification_metrics
from dbx_dl.metrics.comparison import METRICS_BY_TASK, is_better
from dbx_dl.metrics.multilabel import multilabel_metrics
from dbx_dl.metrics.numbers import count_metrics, regression_metrics

# Labels as in `contracts.Batch` and predictions (probabilities, numbers or rates) -> metrics by name.
TASK_METRICS: dict[str, Callable[..., dict[str, float]]] = {
    "binary": classification_metrics,
    "multiclass": classification_metrics,
    "multilabel": multilabel_metrics,
    "regression": regression_metrics,
    "count": count_metrics,
}

__all__ = [
    "METRICS_BY_TASK",
    "TASK_METRICS",
    "classification_metrics",
    "count_metrics",
    "is_better",
    "multilabel_metrics",
    "regression_metrics",
    "sigmoid",
    "softmax",
]

"""Metrics of predictions against labels: one definition for training, export gate and promotion."""

from collections.abc import Callable

from dbx_dl.metrics.activations import sigmoid, softmax
from dbx_dl.metrics.classification import classification_metrics
from dbx_dl.metrics.comparison import DEFAULT_METRICS, METRICS_BY_TASK, is_better, is_lower_better
from dbx_dl.metrics.intervals import SHARES, Resamples, resample_models, share_interval
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
    "DEFAULT_METRICS",
    "METRICS_BY_TASK",
    "SHARES",
    "TASK_METRICS",
    "Resamples",
    "classification_metrics",
    "count_metrics",
    "is_better",
    "is_lower_better",
    "multilabel_metrics",
    "regression_metrics",
    "resample_models",
    "share_interval",
    "sigmoid",
    "softmax",
]

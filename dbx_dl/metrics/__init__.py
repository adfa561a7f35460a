"""Metrics of predictions against labels: one definition for training, export gate and promotion."""

from dbx_dl.metrics.activations import sigmoid, softmax
from dbx_dl.metrics.classification import classification_metrics
from dbx_dl.metrics.comparison import METRICS_BY_TASK, is_better
from dbx_dl.metrics.multilabel import multilabel_metrics
from dbx_dl.metrics.numbers import count_metrics, regression_metrics

__all__ = [
    "METRICS_BY_TASK",
    "classification_metrics",
    "count_metrics",
    "is_better",
    "multilabel_metrics",
    "regression_metrics",
    "sigmoid",
    "softmax",
]

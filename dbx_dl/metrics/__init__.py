"""Metrics of predictions against labels: one definition for training, export gate and promotion."""

from dbx_dl.metrics.activations import sigmoid, softmax
from dbx_dl.metrics.classification import classification_metrics
from dbx_dl.metrics.comparison import is_better, is_lower_better
from dbx_dl.metrics.intervals import SHARES, Resamples, resample_models, share_interval
from dbx_dl.metrics.multilabel import multilabel_metrics
from dbx_dl.metrics.numbers import count_metrics, regression_metrics

__all__ = [
    "SHARES",
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

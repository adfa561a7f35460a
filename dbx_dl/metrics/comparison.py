"""Which metrics a task has, and which of two values is the better one."""

from __future__ import annotations

_LOWER_IS_BETTER = ("loss", "brier", "mae", "rmse", "poisson_deviance")

_CLASSES = ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "brier", "auc")
_NUMBERS = ("mae", "rmse", "r2")
METRICS_BY_TASK: dict[str, tuple[str, ...]] = {
    "binary": _CLASSES,
    "multiclass": _CLASSES,
    "multilabel": ("exact_match", "f1_macro", "f1_micro", "log_loss", "auc"),
    "regression": _NUMBERS,
    "count": (*_NUMBERS, "poisson_deviance"),
}

# What decides between models of a task where nobody says.
DEFAULT_METRICS = {
    "binary": "accuracy",
    "multiclass": "accuracy",
    "multilabel": "f1_micro",
    "regression": "rmse",
    "count": "poisson_deviance",
}


def is_better(metric: str, value: float, other: float) -> bool:
    """Whether `value` beats `other`: lower for losses and errors, higher for everything else."""
    return value < other if is_lower_better(metric) else value > other


def is_lower_better(metric: str) -> bool:
    """Whether lower values of the metric are better; a prefix such as `validation_` does not matter."""
    return metric.endswith(_LOWER_IS_BETTER)

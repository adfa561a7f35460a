"""Which of two values of a metric is the better one."""

from __future__ import annotations

_LOWER_IS_BETTER = (
    *("loss", "brier", "mae", "rmse", "poisson_deviance", "mape", "pinball", "nll", "crps"),
    *("reconstruction_error", "energy_distance", "error_rate", "inertia"),
)


def is_better(metric: str, value: float, other: float) -> bool:
    """Whether `value` beats `other`: lower for losses and errors, higher for everything else."""
    return value < other if is_lower_better(metric) else value > other


def is_lower_better(metric: str) -> bool:
    """Whether lower values of the metric are better; a prefix such as `validation_` does not matter."""
    return metric.endswith(_LOWER_IS_BETTER)

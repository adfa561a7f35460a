"""Which of a model's variants is kept, and which of those is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.metrics import is_better, is_lower_better
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from dbx_dl.config import ExportConfig
    from dbx_dl.contracts import PreparedTable, Variant

SPEED_BATCH = 32


def find_metric(prepared: PreparedTable, config: ExportConfig) -> str:
    """The metric that decides; ConfigError for one of another task, or where there are no rows to measure it on."""
    task = task_of(prepared.target)
    metric = config.metric or task.default_metric
    if metric not in task.metrics:
        known = ", ".join(task.metrics)
        raise ConfigError(f"export.metric {metric!r} is not for the task {task.name}: choose one of {known}")
    if config.variants and not prepared.split_rows.get("test", 0):
        raise ConfigError(f"table {prepared.table.name} has no test rows to measure export.variants on: leave them out")
    return metric


def measure_loss(metric: str, value: float, plain: float) -> float:
    """How much worse a value is than the plain file's: the difference; of errors and losses that share of it.

    A likelihood has no zero that shares could be of.
    """
    if metric == "nll":
        return value - plain
    if is_lower_better(metric):
        return (value - plain) / max(abs(plain), 1e-12)
    return plain - value


def choose_variant(variants: Sequence[Variant], metric: str, config: ExportConfig) -> Variant:
    """The best of those that are kept; on a tie the one that comes first, so the plain file where it is as good."""
    kept = [variant for variant in variants if variant.is_kept]
    best = kept[0]
    for variant in kept[1:]:
        if _is_preferred(variant, best, metric, config):
            best = variant
    return best


def _is_preferred(variant: Variant, other: Variant, metric: str, config: ExportConfig) -> bool:
    if config.choose_by == "metric":
        return is_better(metric, variant.metrics[metric], other.metrics[metric])
    if config.choose_by == "size":
        return (variant.size_bytes or 0) < (other.size_bytes or 0)
    return variant.latency_ms[SPEED_BATCH] < other.latency_ms[SPEED_BATCH]

"""The task's metrics of labelled rows, each with the interval around it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from dbx_dl.contracts import Estimate
from dbx_dl.metrics import SHARES, resample_models, share_interval
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import QualityConfig
    from dbx_dl.contracts import Target
    from dbx_dl.monitor.quality.labelled_sample import LabelledRows

# What a predicted class alone tells, without its probability.
_OF_LABELS = ("accuracy", "balanced_accuracy", "f1_macro")
_COSTLY = "auc"


@dataclass(frozen=True)
class Measured:
    """Metrics of a window's rows, or of one model version's in it (empty text: of all); `num_rows` were measured."""

    window: str
    part: str
    version: int | None
    num_rows: int
    num_labelled: int
    metrics: dict[str, Estimate]


def measure_metrics(rows: LabelledRows, target: Target, config: QualityConfig) -> dict[str, Estimate]:
    """All metrics of the task that the rows define: shares with exact intervals, others by the bootstrap.

    An interval is absent where it would take too long: the area under the curve of more than two classes, unless it is
    judged.
    """
    task = task_of(target)
    values = task.measure(rows.labels, rows.predictions)
    if rows.has_labels_only:
        values = {name: value for name, value in values.items() if name in _OF_LABELS}
    exact = [name for name in values if name in SHARES]
    resampled = [name for name in values if name not in exact and _is_resampled(name, target, config)]
    return (
        {name: _estimate_share(values[name], len(rows.labels), config) for name in exact}
        | _resample(rows, target, config, {name: values[name] for name in resampled})
        | {name: Estimate(value=value) for name, value in values.items() if name not in (*exact, *resampled)}
    )


def _is_resampled(name: str, target: Target, config: QualityConfig) -> bool:
    is_known = name in task_of(target).metrics
    return is_known and (name != _COSTLY or len(target.label_names) == 2 or name in (*config.metrics, *config.limits))


def _estimate_share(value: float, num_rows: int, config: QualityConfig) -> Estimate:
    low, high = share_interval(round(value * num_rows), num_rows, config.confidence)
    return Estimate(value=value, low=low, high=high)


def _resample(
    rows: LabelledRows, target: Target, config: QualityConfig, values: dict[str, float]
) -> dict[str, Estimate]:
    names: Sequence[str] = tuple(values)
    if not names or len(rows.labels) < 2:
        return {name: Estimate(value=value) for name, value in values.items()}
    drawn = resample_models(
        task_of(target).weigh,
        rows.labels,
        {0: rows.predictions},
        names,
        num_resamples=config.num_resamples,
        confidence=config.confidence,
        seed=config.seed,
    )
    found = {}
    for name, value in values.items():
        low, high = drawn.interval(0, name)
        found[name] = Estimate(value=value) if isnan(low) else Estimate(value=value, low=low, high=high)
    return found

"""The figures that `retrain.metrics` may name: those that can be alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.metrics.fairness import GAPS
from dbx_dl.monitor.drift.check import DRIFT_METRICS
from dbx_dl.monitor.fairness.gaps import RATIO
from dbx_dl.monitor.operations.errors import ERROR_SHARE
from dbx_dl.monitor.operations.latency import LATE_SHARE
from dbx_dl.monitor.quality.calibration import CALIBRATION_ERROR
from dbx_dl.monitor.quality.slices.search import SLICE_ERROR
from dbx_dl.runtime.tables import suggest_name
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.contracts import Target


def require_metrics(names: Sequence[str], target: Target) -> None:
    """ConfigError for a name under which nothing is ever found, with the nearest that there is."""
    of_task = () if target.task == "none" else tuple(task_of(target).metrics)
    of_rows = (CALIBRATION_ERROR, SLICE_ERROR, *GAPS, RATIO, ERROR_SHARE, LATE_SHARE)
    known = dict.fromkeys((*DRIFT_METRICS, *of_task, *of_rows))
    for name in names:
        if name not in known:
            raise ConfigError(f"monitor.retrain.metrics: nothing is found under {name!r}; {suggest_name(name, known)}")

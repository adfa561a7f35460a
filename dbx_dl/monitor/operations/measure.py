"""How scoring went in each window: rows, errors by reason, latency, model versions, speed and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.monitor.operations.errors import judge_errors
from dbx_dl.monitor.operations.latency import measure_latency
from dbx_dl.monitor.operations.row_counts import count_rows
from dbx_dl.monitor.operations.runs import measure_runs
from dbx_dl.monitor.operations.versions import tell_versions
from dbx_dl.monitor.scored_rows import WINDOW, require_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

    from dbx_dl.config import OperationsConfig
    from dbx_dl.contracts import Finding, ScoreRun, Window


def measure_operations(
    scored: DataFrame,
    config: OperationsConfig,
    *,
    windows: Sequence[Window],
    runs: Sequence[ScoreRun] = (),
) -> tuple[Finding, ...]:
    """Findings of the area `operations` of all windows.

    `scored` has `window`, and where they are there `error`, `model_name`, `model_version`, `scored_at` and
    `config.source_time`. `runs` are what `score.tables.score_runs.list_score_runs` reads of the scored table; those
    count in a window that made one of its versions, or finished within its time, or, of a window that has neither, all.

    Metrics: `rows_scored`; `error_share` (part empty: all reasons, which is judged; else the reason);
    `model_version_share` (by model and version); `latency_seconds` (by `p50`, `p95`, `p99`, `max`), `late_share`,
    `rows_without_latency`; `scoring_seconds`, `rows_per_second`, `cost_per_million_rows`. All rows are counted in
    Spark, in one pass and one more for latency; at most 1,000 pairs of reason and version of a window come to the
    driver.
    DataError when a column that is needed is absent.
    """
    time = () if config.source_time is None else (config.source_time,)
    require_scored(scored, (WINDOW, *time), "operations")
    counts = count_rows(scored)
    return (
        *(finding for window in windows for finding in judge_errors(window.name, counts, config)),
        *(finding for window in windows for finding in tell_versions(window.name, counts)),
        *measure_latency(scored, config, windows),
        *(finding for window in windows for finding in measure_runs(window, runs, config)),
    )

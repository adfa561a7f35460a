"""How long the scoring runs of a window took, and what they cost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dbx_dl.config import OperationsConfig
    from dbx_dl.contracts import ScoreRun, Window

SECONDS, SPEED, COST = "scoring_seconds", "rows_per_second", "cost_per_million_rows"


def measure_runs(window: Window, runs: Sequence[ScoreRun], config: OperationsConfig) -> Iterator[Finding]:
    """Seconds of the window's runs, rows per second and cost; nothing where no run says how long it took.

    Cost is the nodes' price for that time: what a cluster costs between runs, or while it starts, is not in it.
    """
    own = [run for run in runs if is_in_window(run, window)]
    timed = [run for run in own if run.seconds is not None]
    seconds = sum(run.seconds or 0.0 for run in timed)
    num_rows = sum(run.num_rows for run in timed)
    if not seconds or not num_rows:
        return
    detail = f"{len(timed):,} runs that wrote {num_rows:,} rows"
    if len(timed) < len(own):
        detail += f"; {len(own) - len(timed):,} further runs do not say how long they took"
    values = {SECONDS: seconds, SPEED: num_rows / seconds}
    if config.cost_per_node_hour is not None:
        node_hours = config.num_nodes * seconds / 3600
        values[COST] = config.cost_per_node_hour * node_hours / num_rows * 1e6
    for metric, value in values.items():
        yield Finding(
            window=window.name, area="operations", metric=metric, value=value, num_rows=num_rows, detail=detail
        )


def is_in_window(run: ScoreRun, window: Window) -> bool:
    """Whether the run made one of the window's versions and finished within its time, as far as it has either."""
    if window.first_version is not None and run.version < window.first_version:
        return False
    if window.last_version is not None and run.version > window.last_version:
        return False
    finished = _aware(run.finished_at)
    if window.start is not None and finished < _aware(window.start):
        return False
    return window.end is None or finished < _aware(window.end)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

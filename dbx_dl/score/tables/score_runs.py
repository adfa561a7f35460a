"""The commits of predictions that a table knows of: when, how many rows, and how long they took."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbx_dl.contracts import ScoreRun
from dbx_dl.runtime.tables import read_history
from dbx_dl.score.tables.score_marks import read_score_mark

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

_MAX_COMMITS = 1000
_MERGED = ("numTargetRowsInserted", "numTargetRowsUpdated")


def list_score_runs(spark: SparkSession, name: str, max_commits: int = _MAX_COMMITS) -> tuple[ScoreRun, ...]:
    """The scoring runs among a predictions table's latest commits, the oldest first; none of other writers.

    Seconds are from when a run was planned to its commit, so without the start of its session. DataError when the
    table does not exist or is not a Delta table.
    """
    runs = [_to_run(row) for row in read_history(spark, name, max_commits) if read_score_mark(row) is not None]
    return tuple(sorted(runs, key=lambda run: run.version))


def count_written(commit: Row) -> int:
    """The rows that a commit of a table's history put into it."""
    metrics = commit["operationMetrics"] or {}
    names = _MERGED if is_merge(commit) else ("numOutputRows",)
    return sum(int(metrics.get(name, 0)) for name in names)


def is_merge(commit: Row) -> bool:
    """Whether rows were merged by key."""
    return "MERGE" in commit["operation"]


def _to_run(row: Row) -> ScoreRun:
    # Spark gives moments without a zone, in this machine's time.
    finished_at: datetime = row["timestamp"].astimezone(UTC)
    mark = read_score_mark(row)
    seconds = None
    if mark is not None and mark.started_at is not None:
        # Clocks of the machines that began and that keep the log may differ.
        seconds = max(0.0, (finished_at - datetime.fromisoformat(mark.started_at)).total_seconds())
    return ScoreRun(version=row["version"], finished_at=finished_at, num_rows=count_written(row), seconds=seconds)

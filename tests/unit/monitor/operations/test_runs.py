"""Runs belong to the windows whose versions they made or in whose time they ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dbx_dl.config import OperationsConfig
from dbx_dl.contracts import ScoreRun, Window
from dbx_dl.monitor.operations.runs import is_in_window, measure_runs

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def make_run(version: int, seconds: float | None = 36.0, num_rows: int = 1000) -> ScoreRun:
    return ScoreRun(version=version, finished_at=NOON + timedelta(hours=version), num_rows=num_rows, seconds=seconds)


def test_versions_and_times_choose_runs() -> None:
    runs = [make_run(version) for version in range(6)]
    by_version = Window(name="w", first_version=2, last_version=4)
    assert [run.version for run in runs if is_in_window(run, by_version)] == [2, 3, 4]
    by_time = Window(name="w", start=NOON + timedelta(hours=1), end=NOON + timedelta(hours=3))
    assert [run.version for run in runs if is_in_window(run, by_time)] == [1, 2]
    # A moment without an offset is UTC.
    plain = Window(name="w", start=datetime(2026, 5, 1, 16))
    assert [run.version for run in runs if is_in_window(run, plain)] == [4, 5]
    assert all(is_in_window(run, Window(name="w")) for run in runs)


def test_cost_is_that_of_the_nodes_for_the_time() -> None:
    config = OperationsConfig(cost_per_node_hour=2.0, num_nodes=5)
    found = {f.metric: f for f in measure_runs(Window(name="w"), [make_run(1), make_run(2), make_run(3, None)], config)}
    assert found["scoring_seconds"].value == 72 and found["rows_per_second"].value == pytest.approx(2000 / 72)
    # 10 an hour, a fiftieth of one, for 2000 rows.
    assert found["cost_per_million_rows"].value == pytest.approx(0.2 / 2000 * 1e6)
    assert "1 further runs do not say" in found["scoring_seconds"].detail


def test_without_times_or_rows_nothing_is_told() -> None:
    assert list(measure_runs(Window(name="w"), [make_run(1, None)], OperationsConfig())) == []
    assert list(measure_runs(Window(name="w"), [make_run(1, num_rows=0)], OperationsConfig())) == []
    assert {f.metric for f in measure_runs(Window(name="w"), [make_run(1)], OperationsConfig())} == {
        "scoring_seconds",
        "rows_per_second",
    }

"""Rows, errors by reason, latency, versions and cost are those of the scored table and of the commits that made it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from dbx_dl.config import OperationsConfig
from dbx_dl.contracts import Finding, Window
from dbx_dl.errors import DataError
from dbx_dl.monitor.operations.measure import measure_operations
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.tables.score_runs import list_score_runs
from tests.spark.monitor.scored_frames import ROWS_PER_WINDOW, WINDOWS, Scored
from tests.spark.score.changing_source import NUM_ROWS, change_source, run, write_model, write_source

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def pick(findings: tuple[Finding, ...], metric: str, window: str, part: str = "") -> Finding:
    (found,) = [f for f in findings if (f.metric, f.window, f.part) == (metric, window, part)]
    return found


def test_rows_errors_versions_and_latency_are_counted(scored: Scored) -> None:
    config = OperationsConfig(max_error_share=0.005, source_time="born_at", max_latency_seconds=59)
    found = measure_operations(scored.frame, config, windows=WINDOWS)
    empty = pick(found, "rows_scored", "may")
    assert (empty.value, empty.status) == (0, "unsure")
    assert {f.window for f in found} == {"march", "april", "may"}
    rows = pick(found, "rows_scored", "march")
    assert rows.value == rows.num_rows == ROWS_PER_WINDOW
    share = pick(found, "error_share", "march")
    assert (share.value, share.status, share.limit) == (0.01, "alert", 0.005)
    reasons = {f.part: f.value for f in found if f.metric == "error_share" and f.window == "march" and f.part}
    assert reasons == {"unparsable": 0.005, "not_finite": 0.005}
    versions = {f.part: f.value for f in found if f.metric == "model_version_share" and f.window == "april"}
    assert versions == {"churn version 1": pytest.approx(2 / 3), "churn version 2": pytest.approx(1 / 3)}
    # Rows waited 10 to 109 seconds.
    latency = {f.part: f.value for f in found if f.metric == "latency_seconds" and f.window == "april"}
    assert latency == {"p50": 59, "p95": 104, "p99": 108, "max": 109}
    late = pick(found, "late_share", "april")
    assert (late.value, late.status) == (0.5, "alert")
    calm = measure_operations(scored.frame, OperationsConfig(max_error_share=0.02), windows=WINDOWS)
    assert pick(calm, "error_share", "march").status == "ok"
    assert not any(f.metric == "latency_seconds" for f in calm)


def test_many_texts_of_errors_are_few_reasons(spark: SparkSession) -> None:
    texts = [
        *(f"row {k} of 'file {k}.png' is broken: byte {k}" for k in range(40)),
        *("only once: " + chr(97 + k) * 3 for k in range(10)),
        *(chr(97 + k) * 4 + ": x" for k in range(15)),
        *[None] * 135,
    ]
    frame = spark.createDataFrame(pa.table({"window": ["now"] * len(texts), "error": texts}))
    found = measure_operations(frame, OperationsConfig(max_reasons=3), windows=[Window(name="now")])
    reasons = {f.part: f.num_rows * (f.value or 0) for f in found if f.metric == "error_share" and f.part}
    assert reasons == pytest.approx({"row # of '…' is broken": 40, "only once": 10, "aaaa": 1, "(other reasons)": 14})
    assert pick(found, "model_version_share", "now", "(unnamed model)").value == 1
    with pytest.raises(DataError, match="operations needs the column 'born' of the scored rows"):
        measure_operations(frame, OperationsConfig(source_time="born"), windows=[Window(name="now")])


def test_runs_say_how_long_they_took(spark: SparkSession, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    write_source(spark, tmp_path, has_feed=True)
    model = write_model(tmp_path)
    first = run(spark, tmp_path, model, mode="incremental")
    expected = change_source(spark, tmp_path)
    later = run(spark, tmp_path, model, mode="incremental")
    spark.sql(f"OPTIMIZE delta.`{later.table.path}`")
    runs = list_score_runs(spark, later.table.name)
    assert [one.version for one in runs] == [first.table.version, later.table.version]
    assert [one.num_rows for one in runs] == [NUM_ROWS, expected["feed"]]
    for one, scored in zip(runs, (first, later), strict=True):
        assert one.seconds is not None and 0 < one.seconds <= scored.seconds + 0.5
        assert before < one.finished_at < datetime.now(UTC) + timedelta(seconds=1)
    windows = [Window(name="first", last_version=first.table.version), Window(name="all")]
    frame = read_pinned(spark, later.table).selectExpr("'all' AS window", "*")
    config = OperationsConfig(cost_per_node_hour=3.6, num_nodes=2)
    found = measure_operations(frame, config, windows=windows, runs=runs)
    seconds = runs[0].seconds or 0
    assert pick(found, "scoring_seconds", "first").value == pytest.approx(seconds)
    assert pick(found, "rows_per_second", "first").value == pytest.approx(NUM_ROWS / seconds)
    assert pick(found, "cost_per_million_rows", "first").value == pytest.approx(0.002 * seconds / NUM_ROWS * 1e6)
    assert "2 runs that wrote" in pick(found, "scoring_seconds", "all").detail

"""A run of the scorer that is killed, with its JVM, leaves the old table or the new one; a second run ends it right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from dbx_dl import score_stream
from dbx_dl.runtime.file_streams import await_stream
from dbx_dl.runtime.tables import has_table, pin_table, read_pinned
from tests.killing import run_to_death
from tests.spark.score.changing_source import (
    NOWHERE,
    NUM_ROWS,
    change_source,
    configure,
    read_rows,
    run,
    score_afresh,
    write_model,
    write_source,
)
from tests.spark.score.killed_score import list_commits, list_data_files, list_result_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INCREMENTAL: dict[str, Any] = {"mode": "incremental"}


def score_and_kill(place: Path, moment: str, **settings: Any) -> None:
    run_to_death("tests.spark.score.killed_score", str(place), moment, json.dumps(settings))


def test_a_merge_is_killed(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model = write_model(tmp_path)
    first = run(spark, tmp_path, model, **INCREMENTAL)
    change_source(spark, tmp_path)
    before = list_data_files(tmp_path)
    score_and_kill(tmp_path, "amid the data files", **INCREMENTAL)
    assert list_data_files(tmp_path) - before and pin_table(spark, first.table.name) == first.table
    again = run(spark, tmp_path, model, **INCREMENTAL)
    assert (again.selection, again.num_written) == ("change feed", 5)
    assert read_rows(spark, again) == score_afresh(spark, tmp_path, model)


@pytest.mark.matrix
@pytest.mark.parametrize("moment", ["before the table", "after the table", "amid the data files", "after the commit"])
@pytest.mark.parametrize("write", [None, "append"])
def test_a_first_run_is_killed(spark: SparkSession, tmp_path: Path, moment: str, write: str | None) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model, settings = write_model(tmp_path), {**INCREMENTAL, "write": write}
    score_and_kill(tmp_path, moment, **settings)
    left = read_pinned(spark, pin_table(spark, str(tmp_path / "out"))).count() if _has_out(spark, tmp_path) else 0
    assert left == (NUM_ROWS if moment == "after the commit" else 0)
    for _ in range(2):
        assert read_rows(spark, run(spark, tmp_path, model, **settings)) == score_afresh(spark, tmp_path, model)


@pytest.mark.matrix
@pytest.mark.parametrize("has_feed", [True, False], ids=["feed", "hash"])
@pytest.mark.parametrize("write", ["merge", "append"])
@pytest.mark.parametrize("moment", ["after the table", "amid the data files", "after the commit"])
def test_a_later_run_is_killed(spark: SparkSession, tmp_path: Path, moment: str, write: str, has_feed: bool) -> None:
    write_source(spark, tmp_path, has_feed=has_feed)
    model, settings = write_model(tmp_path), {**INCREMENTAL, "write": write}
    run(spark, tmp_path, model, **settings)
    change = change_source(spark, tmp_path)
    score_and_kill(tmp_path, moment, **settings)
    last = run(spark, tmp_path, model, **settings)
    if write == "merge":
        assert read_rows(spark, last) == score_afresh(spark, tmp_path, model)
    assert last.num_rows == NUM_ROWS + (1 if write == "merge" else change["feed" if has_feed else "hash"])


@pytest.mark.matrix
@pytest.mark.parametrize("moment", ["after the table", "amid the data files", "after the commit"])
@pytest.mark.parametrize("write", ["merge", "append"])
def test_a_stream_is_killed(spark: SparkSession, tmp_path: Path, moment: str, write: str) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model, settings = write_model(tmp_path), {"write": write, "stream": {"checkpoint": str(tmp_path / "checkpoint")}}
    score_and_kill(tmp_path, moment, **settings)
    config = configure(tmp_path, model, **settings)
    for _ in range(2):
        await_stream(score_stream(spark, config, tracking=NOWHERE))
        table = pin_table(spark, config.table)
        assert read_pinned(spark, table).count() == NUM_ROWS


@pytest.mark.matrix
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize(
    ("moment", "has_files", "is_done"),
    [
        ("before the tasks", False, False),
        ("amid the tasks", True, False),
        ("before the files' commit", True, False),
        ("amid the files' commit", True, True),
        ("after the files' commit", True, True),
    ],
)
def test_a_run_without_rows_in_spark_is_killed(
    spark: SparkSession, tmp_path: Path, moment: str, has_files: bool, is_done: bool, is_first: bool
) -> None:
    write_source(spark, tmp_path, has_feed=True, has_text=False)
    model = write_model(tmp_path)
    if not is_first:
        run(spark, tmp_path, model)
        spark.sql(f"UPDATE delta.`{tmp_path / 'in'}` SET y = 5.5, id = IF(id = 3, 300, id) WHERE id < 5")
    files, commits = list_result_files(tmp_path), list_commits(tmp_path)
    score_and_kill(tmp_path, moment)
    left, made = list_result_files(tmp_path) - files, list_commits(tmp_path) - commits
    assert (bool(left), bool(made)) == (has_files, is_done)
    again = run(spark, tmp_path, model)
    assert len(list_commits(tmp_path) - commits) == len(made) + 1
    assert again.num_rows == NUM_ROWS
    assert read_rows(spark, again) == score_afresh(spark, tmp_path, model, columnar=False, mode="whole")
    assert not left & {Path(file) for file in DeltaTable(tmp_path / "out").file_uris()}


def _has_out(spark: SparkSession, place: Path) -> bool:
    return has_table(spark, str(place / "out"))

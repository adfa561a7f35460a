"""Incremental scoring: the table is what scoring the whole source would give, with only the needed rows scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.errors import DataError
from dbx_dl.feed.table_identity import read_identity
from dbx_dl.runtime.tables import read_history, read_pinned
from tests.spark.score.changing_source import (
    NUM_ROWS,
    change_source,
    read_rows,
    run,
    score_afresh,
    write_model,
    write_source,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


# A table that lost its feed, below, is followed as one without.
@pytest.mark.parametrize("has_feed", [True, pytest.param(False, marks=pytest.mark.matrix)], ids=["feed", "hash"])
def test_changed_new_and_deleted_rows_are_followed(spark: SparkSession, tmp_path: Path, has_feed: bool) -> None:
    write_source(spark, tmp_path, has_feed=has_feed)
    model = write_model(tmp_path)
    first = run(spark, tmp_path, model, mode="incremental")
    assert (first.selection, first.num_written, first.num_rows, first.num_errors) == ("whole", NUM_ROWS, NUM_ROWS, 5)
    again = run(spark, tmp_path, model, mode="incremental")
    assert read_rows(spark, again, "scored_at") == read_rows(spark, first, "scored_at")
    assert (again.selection, again.num_written) == ("change feed" if has_feed else "input hash", 0)
    expected = change_source(spark, tmp_path)
    later = run(spark, tmp_path, model, mode="incremental")
    assert (later.num_written, later.num_removed) == (expected["feed" if has_feed else "hash"], expected["removed"])
    assert read_rows(spark, later) == score_afresh(spark, tmp_path, model)
    versions = {row["key"]: row["source_version"] for row in read_pinned(spark, later.table).collect()}
    assert versions["2"] == 2 and versions["0"] == 0
    if not has_feed:  # then the source is looked at as a whole, as everywhere
        return
    spark.sql(f"INSERT INTO delta.`{tmp_path / 'in'}` SELECT * FROM delta.`{tmp_path / 'in'}` WHERE id IN (5, 300)")
    with pytest.raises(DataError, match=r"2 keys that several rows have \(such as '300'\)"):
        run(spark, tmp_path, model, mode="incremental")


def test_a_new_model_scores_every_row_anew(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=True)
    run(spark, tmp_path, write_model(tmp_path))
    newer = write_model(tmp_path, 1)
    other = run(spark, tmp_path, newer, mode="incremental")
    assert (other.selection, other.num_written, other.num_rows) == ("input hash", NUM_ROWS, NUM_ROWS)
    assert read_rows(spark, other) == score_afresh(spark, tmp_path, newer)


def test_without_its_feed_a_table_is_followed_by_hashes(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model, table = write_model(tmp_path), f"delta.`{tmp_path / 'in'}`"
    run(spark, tmp_path, model, mode="incremental")
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'false')")
    change_source(spark, tmp_path)
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    told = spark.sql(f"DESCRIBE DETAIL {table}").select("id", "properties").collect()[0]
    assert read_identity(str(tmp_path / "in")) == tuple(told), "the log says what Spark says"
    later = run(spark, tmp_path, model, mode="incremental", deleted_rows="keep")
    assert (later.selection, later.num_written, later.num_removed) == ("input hash", 4, 0)
    last = run(spark, tmp_path, model, mode="incremental")
    assert (last.selection, last.num_written, last.num_removed) == ("input hash", 0, 2)
    assert read_rows(spark, last) == score_afresh(spark, tmp_path, model)


def test_appended_predictions_keep_the_earlier_ones(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=False)
    model = write_model(tmp_path)
    settings = {"mode": "incremental", "write": "append"}
    run(spark, tmp_path, model, **settings)
    change_source(spark, tmp_path)
    for num_written in (4, 0):
        scored = run(spark, tmp_path, model, **settings)
        assert (scored.num_written, scored.num_rows) == (num_written, NUM_ROWS + 4)
    newer = run(spark, tmp_path, write_model(tmp_path, 1), **settings)
    assert newer.num_written == NUM_ROWS + 1
    back = run(spark, tmp_path, model, **settings)
    assert (back.num_written, back.num_rows) == (0, 2 * NUM_ROWS + 5)
    with pytest.raises(DataError, match="several predictions a key"):
        run(spark, tmp_path, model, mode="incremental")


def test_part_after_part_is_merged(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model, settings = write_model(tmp_path), {"write": "merge", "key": ["id", "note"]}
    afresh = {"mode": "whole", "key": settings["key"]}
    for day in range(2):
        scored = run(spark, tmp_path, model, where=f"day = {day}", **settings)
        assert (scored.num_written, scored.num_rows) == (NUM_ROWS // 4, (day + 1) * NUM_ROWS // 4)
    assert read_rows(spark, scored)[0][0] == '["0","ignored"]'
    assert read_rows(spark, scored) == score_afresh(spark, tmp_path, model, where="day < 2", **afresh)


@pytest.mark.matrix
def test_rows_that_leave_the_condition_keep_their_prediction_unless_told(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model, settings = write_model(tmp_path), {"where": "y < 7 OR y IS NULL", "mode": "incremental"}
    num_first = run(spark, tmp_path, model, **settings).num_rows
    for deleted_rows, key, selection, num_removed in (
        ("remove", 10, "change feed", 0),
        ("remove_outside_where", 11, "input hash", 2),
        ("remove_outside_where", 12, "change feed", 1),
    ):
        spark.sql(f"UPDATE delta.`{tmp_path / 'in'}` SET y = 99 WHERE id = {key}")
        scored = run(spark, tmp_path, model, deleted_rows=deleted_rows, **settings)
        assert (scored.selection, scored.num_written, scored.num_removed) == (selection, 0, num_removed)
    assert scored.num_rows == num_first - 3
    assert read_rows(spark, scored) == score_afresh(spark, tmp_path, model, where=settings["where"])


@pytest.mark.matrix
def test_tables_of_earlier_versions_get_the_new_columns(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model = write_model(tmp_path)
    scored = run(spark, tmp_path, model)
    old = read_pinned(spark, scored.table).drop("model_run_id", "source_version", "input_hash")
    old.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(scored.table.path)
    later = run(spark, tmp_path, model, mode="incremental")
    assert (later.selection, later.num_written, later.num_rows) == ("input hash", NUM_ROWS, NUM_ROWS)
    assert [row["operation"] for row in read_history(spark, scored.table.name, 2)] == ["MERGE", "ADD COLUMNS"]
    old.withColumnRenamed("label", "mark").write.format("delta").mode("overwrite").option(
        "overwriteSchema", "true"
    ).save(scored.table.path)
    with pytest.raises(DataError, match=r"columns that do not fit model .*label \(none\), mark string"):
        run(spark, tmp_path, model, mode="incremental")

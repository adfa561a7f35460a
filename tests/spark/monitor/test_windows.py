"""Which rows of a table of predictions a look is at: all, by time, by version, or those that came since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl.config.windows import WindowsConfig
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.monitor.time_windows import cut_by_time
from dbx_dl.monitor.windows import Look, choose_windows, pin_scored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = "key string, label string, error string, scored_at timestamp, day date, text string"


def write(spark: SparkSession, path: Path, rows: list[tuple[str, float | None]], mode: str = "append") -> None:
    """Predictions with a key each, so many hours after START."""
    values = []
    for key, hours in rows:
        moment = None if hours is None else START + timedelta(hours=hours)
        micros = None if moment is None else moment.replace(tzinfo=None).isoformat() + "Z"
        values.append((key, "a", None, micros, None if moment is None else moment.date().isoformat(), micros))
    frame = spark.createDataFrame(values, "key string, label string, error string, at string, on string, text string")
    frame.selectExpr(
        "key", "label", "error", "to_timestamp(at) AS scored_at", "to_date(on) AS day", "text"
    ).write.format("delta").mode(mode).save(str(path))


@pytest.fixture(scope="module")
def table(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 0: one row each on two days, one without a time. 1: a row five days later. 2: `a` scored anew."""
    path = tmp_path_factory.mktemp("windows") / "scores"
    write(spark, path, [("a", 0.0), ("b", 23.9999999), ("c", 24.0), ("d", None)])
    write(spark, path, [("e", 24 * 6.0)])
    spark.sql(
        f"MERGE INTO delta.`{path}` AS t USING (SELECT 'a' AS key) AS s ON t.key = s.key "
        "WHEN MATCHED THEN UPDATE SET scored_at = timestamp'2026-01-07T01:00:00Z', day = date'2026-01-07'"
    ).collect()
    return path


def look(spark: SparkSession, path: Path, position: int | None = None, **windows: Any) -> Look:
    table, rows = pin_scored(spark, str(path))
    return choose_windows(spark, table, rows, WindowsConfig.model_validate(windows), position)


def keys_of(found: Look) -> dict[str, str]:
    keys: dict[str, list[str]] = {}
    for row in found.rows.select("window", "key").collect():
        keys.setdefault(row["window"], []).append(row["key"])
    return {window: "".join(sorted(own)) for window, own in sorted(keys.items())}


def test_all_rows_are_one_window(spark: SparkSession, table: Path) -> None:
    found = look(spark, table)
    assert keys_of(found) == {"v2": "abcde"} and [window.name for window in found.windows] == ["v2"]


@pytest.mark.parametrize("column", ["scored_at", pytest.param("day", marks=pytest.mark.matrix), "text"])
def test_days_are_windows_also_those_without_rows(spark: SparkSession, table: Path, column: str) -> None:
    found = look(spark, table, by="time", column=column)
    first = {"2026-01-01": "ab"} if column == "text" else {"2026-01-01": "b"}
    last = {"2026-01-07": "e"} if column == "text" else {"2026-01-07": "ae"}
    assert keys_of(found) == {**first, "2026-01-02": "c", **last}
    assert [window.name for window in found.windows] == [f"2026-01-0{day}" for day in range(1, 8)]
    assert (found.windows[0].start, found.windows[0].end) == (START, START + timedelta(days=1))
    assert found.notes == (f"1 rows have no {column} and are in no window",)


def test_windows_are_bounded_by_time_and_number(spark: SparkSession, table: Path) -> None:
    found = look(spark, table, by="time", hours=12, since="2026-01-01T12:00:00", until="2026-01-07", max_windows=2)
    assert keys_of(found) == {}
    assert [window.name for window in found.windows] == ["2026-01-06T00:00Z", "2026-01-06T12:00Z"]
    assert "2 rows are before the latest 2 windows and are not looked at" in found.notes
    assert look(spark, table, by="time", since="2027-01-01").windows == ()


def test_days_to_come_are_no_windows(spark: SparkSession) -> None:
    rows = [("a", "2026-01-01"), ("b", "2026-01-03"), ("c", "2099-05-01"), ("d", "9999-12-31"), ("e", None)]
    frame = spark.createDataFrame(rows, "key string, on string")
    found = cut_by_time(frame, WindowsConfig(by="time", column="on"), "window")
    assert [window.name for window in found.windows] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert {row["key"]: row["window"] for row in found.rows.collect()} == {"a": "2026-01-01", "b": "2026-01-03"}
    assert found.notes == (
        "1 rows have no on and are in no window",
        "2 rows have a on after the moment of the look and are in no window",
    )
    with pytest.raises(DataError, match=r"none of 2 rows has a time .* that is not in the future"):
        cut_by_time(frame.where("on > '2099'"), WindowsConfig(by="time", column="on"), "window")


def test_versions_are_a_window(spark: SparkSession, table: Path) -> None:
    assert keys_of(look(spark, table, by="versions", first_version=1)) == {"v1-v2": "ae"}
    assert keys_of(look(spark, table, by="versions", first_version=1, last_version=1)) == {"v1": "e"}
    assert keys_of(look(spark, table, by="versions", first_version=0, last_version=1)) == {"v0-v1": "abcde"}
    with pytest.raises(ConfigError, match=r"windows.last_version is 7: the latest version of .* is 2"):
        look(spark, table, by="versions", first_version=0, last_version=7)


def test_commits_since_the_last_look_are_a_window(spark: SparkSession, table: Path) -> None:
    assert keys_of(look(spark, table, by="commits")) == {"v0-v2": "abcde"}
    found = look(spark, table, 1, by="commits")
    assert keys_of(found) == {"v2": "a"} and (found.windows[0].first_version, found.windows[0].last_version) == (2, 2)
    assert look(spark, table, 2, by="commits").windows == ()
    # Made anew since: its versions count from 0 again.
    assert keys_of(look(spark, table, 9, by="commits")) == {"v0-v2": "abcde"}


@pytest.mark.matrix
def test_where_the_last_version_is_gone_all_rows_are_looked_at(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "scores"
    write(spark, path, [("a", 0.0), ("b", 1.0)])
    write(spark, path, [("a", 2.0)], mode="overwrite")
    setting = "spark.databricks.delta.retentionDurationCheck.enabled"
    spark.conf.set(setting, "false")
    try:
        spark.sql(f"VACUUM delta.`{path}` RETAIN 0 HOURS").collect()
    finally:
        spark.conf.unset(setting)
    found = look(spark, path, 0, by="commits")
    assert keys_of(found) == {found.windows[0].name: "a"} and found.windows[0].first_version == 1
    assert "version 0 of" in found.notes[0] and "is gone" in found.notes[0]


def test_what_is_no_table_of_predictions_is_refused(spark: SparkSession, table: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of 5 rows has a time in windows\.column 'label'"):
        look(spark, table, by="time", column="label")
    rows = spark.createDataFrame([("a", 1)], "key string, scored_at int")
    with pytest.raises(ConfigError, match=r"windows\.column 'scored_at' is of type int"):
        cut_by_time(rows, WindowsConfig(by="time"), "window")
    with pytest.raises(DataError, match="no column 'scored_on'; did you mean 'scored_at'"):
        look(spark, table, by="time", column="scored_on")
    spark.range(3).write.format("delta").save(str(tmp_path / "numbers"))
    with pytest.raises(DataError, match="watched as a table of predictions, and has no column 'key'"):
        pin_scored(spark, str(tmp_path / "numbers"))
    with pytest.raises(DataError, match="does not exist"):
        pin_scored(spark, str(tmp_path / "nothing"))

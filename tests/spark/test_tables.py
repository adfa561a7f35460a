"""Tables by name and path on a real session: existence, pinning, reading one version, and errors in one line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.contracts import TableVersion
from dbx_dl.errors import DataError
from dbx_dl.runtime.table_writes import append_rows
from dbx_dl.runtime.tables import has_table, pin_table, quote_table, read_pinned, require_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def write(spark: SparkSession, path: Path, num_rows: int) -> None:
    spark.range(num_rows).write.format("delta").mode("overwrite").save(str(path))


@pytest.mark.parametrize("name", ["plain", "blank and ü", "back`tick"])
def test_a_pinned_version_stays_what_it_was(spark: SparkSession, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert not has_table(spark, str(path))
    write(spark, path, 3)
    pinned = pin_table(spark, f"file:{path}")
    write(spark, path, 5)
    assert pinned == TableVersion(name=str(path), path=str(path), version=0)
    assert has_table(spark, str(path))
    assert read_pinned(spark, pinned).count() == 3
    assert read_pinned(spark, pin_table(spark, str(path))).count() == 5


def test_named_tables(spark: SparkSession) -> None:
    assert not has_table(spark, "default.pinned")
    spark.range(4).write.format("delta").saveAsTable(quote_table("default.pinned"))
    pinned = pin_table(spark, "default.pinned")
    assert (pinned.name, pinned.version) == ("default.pinned", 0)
    assert (Path(pinned.path) / "_delta_log").is_dir()
    assert read_pinned(spark, pinned).count() == 4
    spark.sql("DROP TABLE default.pinned")


def test_what_is_absent_is_said_in_one_line(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    spark.range(2).write.saveAsTable("default.no_delta")
    for name, message in {
        str(tmp_path / "nowhere"): "nowhere does not exist",
        str(tmp_path / "folder"): "folder is not a Delta table",
        "nowhere": "table nowhere does not exist",
        "no_schema.nowhere": "does not exist",
        "default.no_delta": "not a Delta table",
        "no.cata.log": "no.cata.log",
    }.items():
        with pytest.raises(DataError, match=message) as raised:
            pin_table(spark, name)
        assert len(str(raised.value).splitlines()) == 1
    spark.sql("DROP TABLE default.no_delta")


def test_a_version_that_is_gone_is_said_in_one_line(spark: SparkSession, tmp_path: Path) -> None:
    write(spark, tmp_path / "table", 3)
    pinned = pin_table(spark, str(tmp_path / "table"))
    for table in (pinned.model_copy(update={"version": 9}), TableVersion(name="nowhere", path="", version=0)):
        with pytest.raises(DataError, match=f"version {table.version}") as raised:
            read_pinned(spark, table)
        assert len(str(raised.value).splitlines()) == 1


def test_missing_columns_name_the_nearest(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1, 2)], "id int, `mean.radius` int")
    require_columns(df, ["id", "mean.radius"], "table x")
    with pytest.raises(DataError, match=r"table x has no column 'mean_radius'; did you mean 'mean\.radius'"):
        require_columns(df, ["id", "mean_radius"], "table x")


@pytest.mark.parametrize("what", ["its log", "data files alone"])
def test_a_named_table_is_made_where_a_killed_writer_left_its_folder(spark: SparkSession, what: str) -> None:
    name = f"default.left_{what.split()[0]}"
    append_rows(spark.range(4), f"{name}_before")
    folder = Path(pin_table(spark, f"{name}_before").path)
    left = folder.with_name(folder.name.removesuffix("_before"))
    shutil.copytree(folder, left)
    if what == "data files alone":
        shutil.rmtree(left / "_delta_log")
    append_rows(spark.range(3), name)
    append_rows(spark.range(2), name)
    assert spark.table(name).count() == 5

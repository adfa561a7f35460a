"""Which rows are read and scored: a version, a condition, and what a run says that it would do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.tables import read_history
from dbx_dl.score.columnar.input_hashes import hash_rows
from dbx_dl.score.tables.explanation import explain_score
from dbx_dl.score.tables.input_hash import hash_inputs
from dbx_dl.score.tables.table import plan_job
from dbx_dl.score.tables.writing import predict
from tests.spark.score.changing_source import (
    NOWHERE,
    NUM_ROWS,
    change_source,
    configure,
    read_rows,
    run,
    write_model,
    write_source,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def place(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A changed source with a feed, and a model."""
    folder = tmp_path_factory.mktemp("selection")
    write_source(spark, folder, has_feed=True)
    write_model(folder)
    change_source(spark, folder)
    return folder


def test_only_needed_columns_of_needed_partitions_are_read(spark: SparkSession, place: Path) -> None:
    config = configure(place, write_model(place), where="day = 2 AND id < 50")
    job = plan_job(spark, config, NOWHERE)
    plan = predict(job)._jdf.queryExecution().executedPlan().toString()
    scans = [line for line in plan.splitlines() if "FileScan" in line]
    assert len(scans) == 1
    assert re.search(r"PartitionFilters: \[[^\]]*day#\d+L? = 2", scans[0])
    assert re.search(r"PushedFilters: \[[^\]]*LessThan\(id,50\)", scans[0])
    assert re.search(r"ReadSchema: struct<id:bigint,x:string,y:[^,]*,colour:string>$", scans[0])


def test_a_version_is_scored_as_it_was(spark: SparkSession, place: Path, tmp_path: Path) -> None:
    model, table = write_model(place), str(tmp_path / "out")
    first = run(spark, place, model, source_version=0, table=table)
    assert first.source.endswith("@v0") and first.num_rows == NUM_ROWS
    moments = {row["version"]: row["timestamp"].astimezone() for row in read_history(spark, str(place / "in"))}
    by_moment = run(spark, place, model, source_timestamp=moments[0], table=table)
    assert read_rows(spark, by_moment, "source_version") == read_rows(spark, first, "source_version")
    later = run(spark, place, model, mode="incremental", table=table, source_version=1)
    assert (later.selection, later.num_written, later.num_removed) == ("change feed", 5, 2)
    for changes, words in (
        ({"source_version": 99}, "has no version 99: its latest is 2"),
        ({"source_timestamp": "2001-02-03T04:05:06"}, r"no version of 2001-02-03T04:05:06\+00:00"),
    ):
        with pytest.raises(DataError, match=words):
            run(spark, place, model, table=str(tmp_path / "none"), **changes)
    with pytest.raises(ConfigError, match="source format query has no versions"):
        run(spark, place, model, source_format="query", source="SELECT 1 AS id", source_version=1)


@pytest.mark.parametrize("where", ["nosuch = 1", "x +", "sum(y) > 1", "y > 1) OR (1 = 1"])
def test_a_wrong_condition_is_told_in_a_line(spark: SparkSession, place: Path, tmp_path: Path, where: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"where {where!r} is no condition on {place / 'in'}: [")) as raised:
        run(spark, place, write_model(place), where=where, table=str(tmp_path / "none"))
    assert len(str(raised.value).splitlines()) == 1 and not (tmp_path / "none").exists()


def test_a_plan_says_what_is_chosen_and_why(spark: SparkSession, place: Path, tmp_path: Path) -> None:
    model, table = write_model(place), str(tmp_path / "out")
    settings = {"mode": "incremental", "table": table}
    plan = dict(explain_score(spark, configure(place, model, where="day = 2", **settings), tracking=NOWHERE))
    assert plan["selection"] == "whole: there is no predictions table yet"
    assert (plan["rows to score"], plan["columns to read"]) == ("25", "id, x, y, colour")
    assert int(plan["files to read"]) < len(spark.read.format("delta").load(str(place / "in")).inputFiles())
    assert plan["table"] == f"{table}, is made" and plan["batch"].startswith("up to 8192 rows at once")
    assert plan["fields"] == "label, probability, probabilities, error"
    assert plan["rows pass"] == "through Spark: only some rows of the source are scored"
    assert not Path(table).exists()
    run(spark, place, model, source_version=0, table=table)
    plan = dict(explain_score(spark, configure(place, model, **settings), tracking=NOWHERE))
    assert plan["selection"] == "change feed: versions 1 to 2 came since the last commit"
    assert plan["rows to score"] == "at most 6 (2 inserted, 4 updated, 1 deleted)"
    assert plan["deleted rows"] == "lose their predictions" and plan["table"].endswith("puts predictions by key")
    assert plan["fields"] == "label, probability, probabilities, error: as the table has them"
    settings["options"] = {"fields": ["label"]}
    plan = dict(explain_score(spark, configure(place, model, null_tokens=["-"], **settings), tracking=NOWHERE))
    assert plan["selection"].startswith("input hash: the model or the settings are others")
    assert re.match(rf"REFUSED: table {table} has columns that .*: probabilities array<float>, prob", plan["fields"])


def test_hashes_tell_inputs_apart(spark: SparkSession) -> None:
    rows = [
        "SELECT 1D a, CAST(NULL AS double) b, 'x' c, X'00' d, array(1D, NULL) e",
        "SELECT NULL, 1D, 'x', X'00', array(1D, NULL)",
        "SELECT 1D, NULL, NULL, X'00', array(1D, NULL)",
        "SELECT 1D, NULL, 'x', X'0000', array(1D, NULL)",
        "SELECT 1D, NULL, 'x', X'', array(1D, NULL)",
        "SELECT 1D, NULL, 'x', NULL, array(1D, NULL)",
        "SELECT 1D, NULL, 'x', X'00', array(NULL, 1D)",
        "SELECT 1D, NULL, 'x', X'00', array(1D)",
        "SELECT 1D, NULL, 'x', X'00', array()",
        "SELECT 1D, NULL, 'x', X'00', NULL",
        "SELECT 0D, NULL, 'x', X'00', NULL",
        "SELECT double('NaN'), NULL, 'x', X'00', NULL",
    ]
    df = spark.sql(" UNION ALL ".join([*rows, "SELECT -0D, NULL, 'x', X'00', NULL"]))
    hashes = [row[0] for row in df.select(hash_inputs([(F.col(f.name), f.dataType) for f in df.schema])).collect()]
    assert len(set(hashes[:-1])) == len(rows) and None not in hashes and hashes[-1] == hashes[-3]


def test_hashes_of_stored_columns_are_sparks(spark: SparkSession) -> None:
    numbers = ("tinyint", "smallint", "int", "bigint", "float", "double", "boolean")
    casts = [f"CAST(IF(id = 6, NULL, id - 3) AS {kind})" for kind in (*numbers, "string")]
    casts += ["CAST(string(id) AS binary)", "IF(id = 6, NULL, date_add('1969-12-30', int(id)))"]
    array = "IF(id = 5, NULL, array(id - 3, NULL, 1, id - 3, NULL))"
    casts += [f"CAST({array} AS array<{kind}>)" for kind in numbers]
    odd = "SELECT -0.0F, float('NaN'), -0.0D, array(-0.0F, float('NaN'), float('-inf')), double('NaN')"
    for df in (spark.range(8).selectExpr(*casts), spark.sql(odd)):
        df = df.toDF(*(f"c{place}" for place in range(len(df.columns))))
        columns = [(F.col(field.name), field.dataType) for field in df.schema]
        error = F.lit(None).cast("string"), StringType()
        hashes = hash_inputs([*columns, error], -5).alias("hash")
        found = df.select("*", hashes).toArrow().combine_chunks().to_batches()[0]
        assert hash_rows(found.drop_columns(["hash"]), None, {}, -5).equals(found.column("hash"))

"""Scoring without rows in Spark gives what scoring through Spark gives, or leaves the job to Spark with a reason."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from dbx_dl import score_table
from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.contracts import ScoredTable
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.tables.explanation import explain_score
from tests.foreign_models import write_several
from tests.onnx_models import write_linear_model
from tests.plain_encoding import ALL_KINDS
from tests.prepared_tables import IMAGES, SPEC, draw_image, encode_png

NOWHERE = TrackingConfig(uri="sqlite:////nowhere/m.db")
BY_FILES, BY_SPARK = "read and write the data files", "are scored through Spark: "


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "table.onnx"
    write_linear_model(path, SPEC)
    return str(path)


def configure(source: Path | str, model: str, table: Path | str, **settings: object) -> ScoreConfig:
    values = {"source": str(source), "source_format": "delta", "key": "id", "model": model, "table": str(table)}
    return ScoreConfig.model_validate({**values, **settings})


def score(spark: SparkSession, source: Path | str, model: str, table: Path | str, **settings: object) -> ScoredTable:
    return score_table(spark, configure(source, model, table, **settings), tracking=NOWHERE)


def read(spark: SparkSession, scored: ScoredTable) -> list[dict]:
    return [row.asDict() for row in read_pinned(spark, scored.table).drop("scored_at").orderBy("key").collect()]


def make_rows(num_rows: int, first: int = 0) -> pa.Table:
    rng = np.random.default_rng(first)
    colours = [("blue", "red", None, "", "NA", "unseen")[row % 6] for row in range(num_rows)]
    x = pa.array(rng.normal(size=num_rows), mask=np.arange(num_rows) % 7 == 3)
    ids = [f"k{first + row:06d}" for row in range(num_rows)]
    return pa.table({"id": ids, "x": x, "y": rng.normal(size=num_rows), "colour": colours})


def write(spark: SparkSession, rows: pa.Table, path: Path, **options: str) -> Path:
    spark.createDataFrame(rows).write.format("delta").mode("append").options(**options).save(str(path))
    return path


def score_both(
    spark: SparkSession, source: Path, model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, **settings: object
) -> tuple[ScoredTable, ScoredTable]:
    """Through Spark, and without, with the inputs' hashes; the log says so."""
    settings = {"mode": "incremental", **settings}
    by_spark = score(spark, source, model, tmp_path / "by_spark", columnar=False, **settings)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        by_files = score(spark, source, model, tmp_path / "by_files", **settings)
    assert BY_FILES in caplog.text and BY_SPARK not in caplog.text
    return by_spark, by_files


def test_tables_are_scored_alike(
    spark: SparkSession, tmp_path: Path, model: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = write(spark, make_rows(3000), tmp_path / "source")
    by_spark, by_files = score_both(spark, source, model, tmp_path, caplog, mode="whole")
    expected, found = read_pinned(spark, by_spark.table), read_pinned(spark, by_files.table)
    assert found.schema == expected.schema
    assert read(spark, by_files) == read(spark, by_spark)
    assert by_files.source == by_spark.source and by_files.num_rows == 3000
    config = configure(source, model, tmp_path / "by_files")
    assert dict(explain_score(spark, config, tracking=NOWHERE))["rows pass"].startswith("from data files to data files")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        again = score(spark, source, model, tmp_path / "by_files")
    assert BY_FILES in caplog.text
    assert again.table.version == by_files.table.version + 1 and again.num_rows == 3000
    assert read(spark, again) == read(spark, by_files)


def test_every_kind_of_column_is_read_alike(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kinds.onnx"
    write_linear_model(path, ALL_KINDS)
    whens = ["0001-01-01T00:00:00", None, "2024-11-03T05:30:00", "9999-12-31T23:59:59.999999", None, "2024-01-01"]
    rows = pa.table(
        {
            "id": range(6),
            "size": [1.5, None, float("nan"), float("inf"), -20.0, 1e9],
            "when": pa.array(whens, pa.string()).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
            "colour": ["red", None, "", "ä", "unseen", "NA"],
            "is_new": pa.array([1.0, 0.0, None, -0.5, 1e7, float("nan")]),
            "customer": pa.array([2**53 + 1, None, 0, 7, -(2**62) - 1, 3], pa.int64()),
            "vector": pa.array([[1, 2, 3], None, [1, 2], [1e-5, None, 3], [0.5, 1, 2], []], pa.list_(pa.float32())),
            "price": pa.array([1, 2, None, 4, 5, None], pa.decimal128(7, 2)),
        }
    )
    source = write(spark, rows, tmp_path / "source")
    by_spark, by_files = score_both(spark, source, str(path), tmp_path, caplog)
    assert read(spark, by_files) == read(spark, by_spark)
    assert by_files.error_reasons == {"unparsable": 4}
    for columnar in (True, False):
        settings = {"columnar": columnar, "options": {"max_error_fraction": 0.1}}
        with pytest.raises(DataError, match=r"of the [1-6] rows that this task scored .*: unparsable: "):
            score(spark, source, str(path), tmp_path / "by_files", **settings)
    assert read(spark, by_files) == read(spark, by_spark)


def test_images_are_scored_alike_broken_ones_too(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pictures.onnx"
    write_linear_model(path, IMAGES)
    content = [encode_png(draw_image(row, row % 2)) for row in range(60)]
    content[5::20] = [b"", b"text", None]
    rows = pa.table({"path": [f"{row}.png" for row in range(60)], "content": pa.array(content, pa.binary())})
    source = write(spark, rows, tmp_path / "source")
    by_spark, by_files = score_both(spark, source, str(path), tmp_path, caplog, key="path")
    assert read(spark, by_files) == read(spark, by_spark)
    assert by_files.error_reasons == {"empty": 1, "not_an_image": 1, "null": 1} == by_spark.error_reasons


def test_files_of_others_are_scored_alike(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = pa.table(
        {
            "id": range(6),
            "age": pa.array([1, 2, None, 4, 5, 6], pa.int32()),
            "name": ["a", "", "b", None, "ä", "c"],
            "numbers": pa.array(
                [[1, 2, 3], [0.5, None, 1], [1, 2, 3], [1, 2, 3], None, [1, 2]], pa.list_(pa.float32())
            ),
            "flag": [True, False, True, True, False, None],
        }
    )
    source = write(spark, rows, tmp_path / "source")
    options = {"inputs": {"vector": "numbers"}}
    by_spark, by_files = score_both(
        spark, source, write_several(tmp_path / "several.onnx"), tmp_path, caplog, options=options
    )
    found = read(spark, by_files)
    assert found == read(spark, by_spark) and by_files.num_errors == 5
    assert found[0]["pairs"] == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]] and found[0]["model_run_id"] is None


def test_partitions_deleted_rows_and_new_columns_are_honoured(
    spark: SparkSession, tmp_path: Path, model: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "source"
    old = make_rows(40).drop_columns("y").append_column("part", pa.array([0, 1] * 20))
    writer = spark.createDataFrame(old).write.format("delta").partitionBy("part")
    writer.option("delta.enableDeletionVectors", "true").save(str(source))
    new = make_rows(40, 40).append_column("part", pa.nulls(40, pa.int64()))
    write(spark, new, source, mergeSchema="true")
    spark.sql(f"DELETE FROM delta.`{source}` WHERE id IN ('k000003', 'k000004', 'k000077')")
    options = {"probabilities": "map", "top_k": 1, "probability_of": "up"}
    by_spark, by_files = score_both(spark, source, model, tmp_path, caplog, options=options)
    assert read(spark, by_files) == read(spark, by_spark) and by_files.num_rows == 77


def test_wrong_keys_write_nothing(spark: SparkSession, tmp_path: Path, model: str) -> None:
    rows = make_rows(50)
    source = write(spark, pa.concat_tables([rows, rows.slice(3, 2)]), tmp_path / "repeated")
    with pytest.raises(DataError, match=r"2 keys that several rows have \(such as 'k000003'\)"):
        score(spark, source, model, tmp_path / "predictions")
    ids = pa.array([None, None, *range(48)], pa.int64())
    nulls = write(spark, rows.set_column(0, "id", ids), tmp_path / "nulls")
    with pytest.raises(DataError, match="2 rows without a key"):
        score(spark, nulls, model, tmp_path / "predictions")
    assert not (tmp_path / "predictions").exists()


def test_two_at_once_leave_one_whole_table(spark: SparkSession, tmp_path: Path, model: str) -> None:
    source = write(spark, make_rows(400), tmp_path / "source")
    table = tmp_path / "predictions"
    with ThreadPoolExecutor(2) as pool:
        scored = list(pool.map(lambda _: score(spark, source, model, table), range(2)))
    assert [one.num_rows for one in scored] == [400, 400]
    found = DeltaTable(table)
    assert found.to_pyarrow_table().num_rows == 400


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("text", "its column 'x' is string where the model takes numeric values"),
        ("columns", "its columns change"),
    ],
)
def test_other_jobs_are_left_to_spark(
    spark: SparkSession, tmp_path: Path, model: str, caplog: pytest.LogCaptureFixture, change: str, reason: str
) -> None:
    rows, table = make_rows(20), tmp_path / "predictions"
    if change == "text":
        rows = rows.set_column(1, "x", rows.column("x").cast(pa.string()))
    source = write(spark, rows, tmp_path / "source")
    if change == "columns":
        earlier = read_pinned(spark, score(spark, source, model, table).table).withColumn("more", F.lit(1))
        earlier.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(str(table))
    caplog.clear()
    with caplog.at_level(logging.INFO):
        scored = score(spark, source, model, table)
    assert BY_SPARK in caplog.text and reason in caplog.text
    assert scored.num_rows == 20 and "more" not in read_pinned(spark, scored.table).columns


def test_a_run_of_what_changed_goes_on_from_one_without_rows(spark: SparkSession, tmp_path: Path, model: str) -> None:
    source = write(spark, make_rows(30), tmp_path / "source")
    assert score(spark, source, model, tmp_path / "table", mode="incremental").num_written == 30
    write(spark, make_rows(5, 100), source)
    spark.sql(f"UPDATE delta.`{source}` SET y = y + 1 WHERE id = 'k000007'")
    scored = score(spark, source, model, tmp_path / "table", mode="incremental")
    assert (scored.selection, scored.num_written, scored.num_rows) == ("input hash", 6, 35)

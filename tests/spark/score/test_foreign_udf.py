"""ONNX files of others as functions of Spark columns and of SQL, in both kinds of UDF with equal results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dbx_dl import register_sql_function, score_udf
from dbx_dl.errors import ConfigError, DataError, SetupError
from dbx_dl.metrics import softmax
from dbx_dl.score.executors import _ask, compare_executors
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.providers import SessionSettings
from dbx_dl.score.model.shipping import ship_model
from dbx_dl.score.worker import ShippedModel
from tests import foreign_models as foreign
from tests.foreign_models import FLOAT, INT64
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC
from tests.udf_kinds import AVAILABLE_KINDS, KINDS

NUM_ROWS = 40


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    """Rows of many types; every tenth has a null or an array of another length."""
    rng = np.random.default_rng(3)
    vectors: list[Any] = rng.normal(size=(NUM_ROWS, 3)).astype(np.float32).tolist()
    vectors[5], vectors[15] = None, [1.0]
    ages: list[Any] = [float(row) for row in range(NUM_ROWS)]
    ages[25] = None
    rows = pa.table(
        {
            "id": range(NUM_ROWS),
            "age": ages,
            "name": [f"name {row}" if row != 35 else None for row in range(NUM_ROWS)],
            "vector": pa.array(vectors, pa.list_(pa.float32())),
            "flag": [row % 3 == 0 for row in range(NUM_ROWS)],
            "long": pa.array([2**60 + row if row % 7 else None for row in range(NUM_ROWS)], pa.int64()),
            "matrix": [[[float(row), 1.0], [2.0, 3.0]] for row in range(NUM_ROWS)],
            "features": rng.normal(size=(NUM_ROWS, 4)).tolist(),
        }
    )
    return spark.createDataFrame(rows).repartition(3, "id").cache()


def collect(df: DataFrame, prediction: Any) -> list[dict[str, Any]]:
    rows = df.select("id", prediction.alias("p")).select("id", "p.*").orderBy("id").collect()
    return [row.asDict(recursive=True) for row in rows]


def test_both_kinds_give_the_same_for_many_types(spark: SparkSession, table: DataFrame, tmp_path: Path) -> None:
    path = foreign.write_several(tmp_path / "m.onnx")
    found = {}
    for kind in AVAILABLE_KINDS:
        score = score_udf(spark, path, kind=kind)
        score.check(table)
        found[kind] = collect(table, score())
        assert collect(table, score(F.struct("flag", "vector", "name", "age"))) == found[kind]
    assert all(rows == found["pandas"] for rows in found.values())
    errors = {row["id"]: row["error"] for row in found["pandas"] if row["error"]}
    assert sorted(errors) == [5, 15, 25, 35]
    assert errors[15] == "wrong_shape: column 'vector' holds an array of 1, the model takes 3"
    row = found["pandas"][6]
    assert (row["age_32"], row["error_"], row["not"]) == (6.0, "name 6", False)
    assert row["pairs"] == [[value, value] for value in row["scaled_vector"]]


@KINDS
def test_long_integers_nested_arrays_and_labels(
    spark: SparkSession, table: DataFrame, tmp_path: Path, kind: str
) -> None:
    nodes = [foreign.helper.make_node("Identity", [name], [f"out_{name}"]) for name in ("long", "matrix")]
    tensors = [("long", INT64, ["N"]), ("matrix", FLOAT, ["N", 2, 2])]
    outputs = [(f"out_{name}", dtype, shape) for name, dtype, shape in tensors]
    path = foreign.write_foreign(tmp_path / "m.onnx", nodes, tensors, outputs)
    rows = collect(table, score_udf(spark, path, kind=kind)("long", "matrix"))
    assert [row["out_long"] for row in rows] == [2**60 + row if row % 7 else None for row in range(NUM_ROWS)]
    assert rows[1]["out_matrix"] == [[1.0, 1.0], [2.0, 3.0]] and rows[0]["out_matrix"] is None

    weights = foreign.write_classifier(tmp_path / "c.onnx")
    choices = {"labels": ["a", "b", "c"], "activation": "softmax", "top_k": 2, "probabilities": "map"}
    score = score_udf(spark, (tmp_path / "c.onnx").read_bytes(), kind=kind, **choices)
    features = np.array([row["features"] for row in table.orderBy("id").collect()], np.float32)
    rows = collect(table, score("features"))
    for row, expected in zip(rows, softmax(features @ weights), strict=True):
        assert row["probabilities"] == pytest.approx(dict(zip("abc", expected, strict=True)), abs=1e-6)
        assert row["top_k"][0]["label"] == row["label"] == "abc"[expected.argmax()]
    four = [F.col("features")[place] for place in range(4)]
    assert [row["label"] for row in collect(table, score(*four))] == [row["label"] for row in rows]


def test_sequences_are_nested_arrays_in_both_kinds(spark: SparkSession, table: DataFrame, tmp_path: Path) -> None:
    slices = foreign.write_slices(tmp_path / "s.onnx")
    entries = foreign.write_ragged_entries(tmp_path / "e.onnx")
    found = {}
    for kind in AVAILABLE_KINDS:
        parts = score_udf(spark, slices, kind=kind)("vector").getField("parts")
        numbers = score_udf(spark, entries, kind=kind)(F.col("id") % 4).getField("parts")
        found[kind] = table.select("vector", parts, numbers, "id").orderBy("id").collect()
    assert all(rows == found["pandas"] for rows in found.values())
    for vector, parts, numbers, place in found["pandas"]:
        is_whole = vector is not None and len(vector) == 3
        assert parts == ([vector[:2], vector[2:]] if is_whole else None) and numbers == list(range(place % 4))


def test_functions_of_sql(spark: SparkSession, table: DataFrame, tmp_path: Path) -> None:
    table.createOrReplaceTempView("people")
    score = register_sql_function(spark, "predict_several", foreign.write_several(tmp_path / "m.onnx"))
    expected = collect(table, score())
    for call in ("predict_several(age, name, vector, flag)", "predict_several(struct(*))"):
        rows = spark.sql(f"SELECT id, p.* FROM (SELECT id, {call} AS p FROM people) ORDER BY id").collect()
        assert [row.asDict(recursive=True) for row in rows] == expected
    write_linear_model(tmp_path / "own.onnx", SPEC)
    register_sql_function(spark, "predict_own", str(tmp_path / "own.onnx"), kind="pandas", top_k=1)
    rows = spark.sql("SELECT predict_own(age, long % 3, name).top_k[0].label AS best FROM people").collect()
    assert {row["best"] for row in rows} <= {"down", "up"}
    with pytest.raises(ConfigError, match="cannot be the name of a SQL function"):
        register_sql_function(spark, "predict-own", str(tmp_path / "own.onnx"))
    with pytest.raises(ConfigError, match="'Count' is a function of Spark's own: choose another name"):
        register_sql_function(spark, "Count", str(tmp_path / "own.onnx"))
    register_sql_function(spark, "predict_own", tmp_path / "own.onnx")


def test_what_does_not_fit_is_shown_before_the_job(spark: SparkSession, table: DataFrame, tmp_path: Path) -> None:
    score = score_udf(spark, foreign.write_several(tmp_path / "m.onnx"))
    with pytest.raises(DataError) as caught:
        score.check(table, "age", "age", "matrix", "flag")
    assert [line.split() for line in str(caught.value).splitlines()[2:]] == [
        ["age", "number", "age", "double"],
        ["name", "text", "age", "double", "<-", "does", "not", "fit"],
        ["vector", "array", "of", "3", "numbers", "matrix", "array<array<double>>", "<-", "does", "not", "fit"],
        ["flag", "boolean", "flag", "boolean"],
    ]
    mapped = score_udf(spark, foreign.write_identity(tmp_path / "i.onnx", INT64, []), inputs={"x": "long"})
    mapped.check(table)
    assert collect(table, mapped())[1]["y"] == 2**60 + 1
    with pytest.raises(SetupError, match="provider 'cuda' was asked for, this machine's ONNX Runtime has cpu"):
        score_udf(spark, str(tmp_path / "i.onnx"), providers=["cuda"])


@KINDS
def test_a_share_of_errors_stops_the_job_with_examples(
    spark: SparkSession, table: DataFrame, tmp_path: Path, kind: str
) -> None:
    path = foreign.write_gather(tmp_path / "m.onnx")
    places = F.when(F.col("id") < 20, F.lit(100)).otherwise(F.col("id") % 10)
    df = table.coalesce(1).select("id", places.cast("long").alias("place"))
    rows = collect(df, score_udf(spark, path, kind=kind, max_error_fraction=0.5)())
    assert sum(row["error"] is not None for row in rows) == 20 and rows[21]["found"] == 10.0
    with pytest.raises(PythonException, match=r"20 of the 40 rows that this task scored are errors.*failed: "):
        collect(df, score_udf(spark, path, kind=kind, max_error_fraction=0.1)())


def test_executors_answer_what_scoring_needs_of_them(spark: SparkSession) -> None:
    found = _ask(spark)
    compare_executors(found, SessionSettings())
    assert len(found) == 1, "both workers are on one machine and say the same"
    with pytest.raises(SetupError, match=rf"executor {found[0][0].host} has cpu"):
        compare_executors(found, SessionSettings(providers=("cuda",)))


def test_a_worker_process_keeps_one_session_over_jobs(spark: SparkSession, tmp_path: Path) -> None:
    path = foreign.write_identity(tmp_path / "m.onnx", FLOAT, [])
    file = fetch_model(path)
    shipped = ShippedModel(ship_model(spark, file), file.sha256)

    def name_session(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os

        for batch in batches:
            session = shipped.open()
            names = pa.array([f"{os.getpid()} {id(session._session)}"] * batch.num_rows)
            yield pa.RecordBatch.from_arrays([names], names=["s"])

    rows = spark.range(100, numPartitions=4)
    found = [rows.mapInArrow(name_session, "s string").distinct().collect() for _ in range(2)]
    sessions = {row["s"] for rows in found for row in rows}
    assert len(sessions) == len({name.split()[0] for name in sessions})
    assert {row["s"] for row in found[0]} & {row["s"] for row in found[1]}

"""Predictions get the inputs that they were made of: one row for each, whatever else the source holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl.config import ScoreConfig
from dbx_dl.contracts import FeatureSpec, ImageSpec, NumericFeature
from dbx_dl.errors import DataError
from dbx_dl.monitor.scored_inputs import HAS_INPUTS, join_inputs
from dbx_dl.monitor.source_rows import open_scored_source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def take(column: str) -> FeatureSpec:
    return FeatureSpec(features=(NumericFeature(column=column, fill=0.0, center=0.0, scale=1.0),))


@pytest.fixture(scope="module")
def source(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A history: `a` has a row that is out of date, `b` one only that is, and `c`, which nobody scored, has two."""
    path = str(tmp_path_factory.mktemp("history") / "in")
    rows = [("a", 1.0, False), ("a", 2.0, True), ("b", 3.0, False), ("c", 4.0, True), ("c", 5.0, True)]
    spark.createDataFrame(rows, "id string, Age double, is_current boolean").write.format("delta").save(path)
    return path


@pytest.fixture(scope="module")
def predictions(spark: SparkSession) -> DataFrame:
    schema = "key string, label string, error string, model_name string, model_version int, scored_at timestamp"
    return spark.createDataFrame([("a", "x", None, "m", 1, None), ("b", "y", None, "m", 1, None)], schema)


def score(source: str, **changes: Any) -> ScoreConfig:
    values = {"source": source, "source_format": "delta", "key": "id", "model": "m.onnx", "table": "out", **changes}
    return ScoreConfig.model_validate(values)


def test_of_a_history_the_rows_within_where_are_taken(spark: SparkSession, source: str, predictions: DataFrame) -> None:
    joined = join_inputs(spark, predictions, score(source, where="is_current"), take("Age"))
    found = {row["key"]: (row["Age"], row[HAS_INPUTS]) for row in joined.collect()}
    assert joined.count() == 2 and found == {"a": (2.0, True), "b": (3.0, True)}
    with pytest.raises(DataError, match=r"1 keys that several rows have \(such as 'a'\)"):
        join_inputs(spark, predictions, score(source), take("Age"))
    both = predictions.union(predictions.selectExpr("'c'", *predictions.columns[1:]))
    with pytest.raises(DataError, match=r"several rows have within where \(such as 'c'\)"):
        join_inputs(spark, both, score(source, where="is_current"), take("Age"))


def test_names_that_mean_two_things_are_refused(spark: SparkSession, source: str, predictions: DataFrame) -> None:
    for name, words in (("window", "that monitoring uses itself"), ("Label", "has the name of a column of the pred")):
        with pytest.raises(DataError, match=words):
            join_inputs(spark, predictions, score(source), take(name))
    own = join_inputs(spark, predictions.selectExpr("*", "7 AS age"), score(source), take("Age"))
    assert "Age" in own.columns and [row["Age"] for row in own.collect()] == [7, 7]


def test_of_a_folder_only_the_files_that_were_scored_are_read(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("one.png", "two.png", "new.png"):
        (tmp_path / name).write_bytes(name.encode())
    rows = spark.createDataFrame([("one.png",), ("two.png",), ("gone.png",)], "key string")
    config = score(str(tmp_path), source_format="images", key="path")
    spec = ImageSpec(height=8, width=8, channels=1)
    found = open_scored_source(spark, rows, config, spec, has_contents=True)
    assert {row["path"]: bytes(row["content"]) for row in found.collect()} == {
        "one.png": b"one.png",
        "two.png": b"two.png",
    }
    assert len(found.inputFiles()) == 2

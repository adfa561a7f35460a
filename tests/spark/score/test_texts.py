"""A model of texts on Spark takes strings: in both UDFs, in SQL and as a whole table, whatever the strings are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from dbx_dl import register_sql_function, score_table, score_udf
from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.contracts import TextFeature, TextSpec
from dbx_dl.metrics import softmax
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import write_linear_model
from tests.udf_kinds import KINDS

SPEC = TextSpec(
    text=TextFeature(
        column="review", pattern=r"[\p{L}']+", max_length=5, vocabulary=("good", "bad", "not", "ärgerlich")
    )
)
TEXTS = ["Good!", "not bad", None, "", "unseen words", "ÄRGERLICH", "bad " * 100_000, "good 'good' GOOD"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, np.ndarray]:
    path = tmp_path_factory.mktemp("model") / "texts.onnx"
    weights = write_linear_model(path, SPEC)
    ids = TabularEncoder(SPEC).encode(pa.table({"review": pa.array(TEXTS, pa.string())}))
    return str(path), softmax(ids.astype(np.float32) @ weights)


@pytest.fixture(scope="module")
def source(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = str(tmp_path_factory.mktemp("texts") / "source")
    rows = pa.table({"id": list(range(len(TEXTS))), "review": pa.array(TEXTS, pa.string())})
    spark.createDataFrame(rows).repartition(2).write.format("delta").save(place)
    return place


def check(rows: list[Any], expected: np.ndarray) -> None:
    assert {row["error"] for row in rows} == {None}
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected, atol=1e-5)


@KINDS
def test_udfs_take_strings(spark: SparkSession, source: str, model: tuple[str, np.ndarray], kind: str) -> None:
    df = spark.read.format("delta").load(source)
    scored = df.select("id", score_udf(spark, model[0], kind=kind)("review").alias("p"))
    check(scored.select("id", "p.*").orderBy("id").collect(), model[1])


def test_sql_takes_strings(spark: SparkSession, source: str, model: tuple[str, np.ndarray]) -> None:
    register_sql_function(spark, "mood", model[0])
    spark.read.format("delta").load(source).createOrReplaceTempView("reviews")
    check(spark.sql("SELECT p.* FROM (SELECT id, mood(review) AS p FROM reviews) ORDER BY id").collect(), model[1])
    (one,) = spark.sql("SELECT mood('Good!') AS p").collect()
    check([one["p"]], model[1][:1])


@pytest.mark.parametrize("columnar", [True, pytest.param(False, marks=pytest.mark.matrix)])
def test_whole_tables_take_strings(
    spark: SparkSession, source: str, model: tuple[str, np.ndarray], tmp_path: Path, columnar: bool
) -> None:
    values = {
        "source": source,
        "source_format": "delta",
        "key": "id",
        "model": model[0],
        "table": str(tmp_path / "scores"),
        "columnar": columnar,
    }
    config = ScoreConfig.model_validate(values)
    scored = score_table(spark, config, tracking=TrackingConfig(uri="sqlite:////nowhere/m.db"))
    check(read_pinned(spark, scored.table).orderBy("key").collect(), model[1])

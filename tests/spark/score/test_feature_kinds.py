"""A model of every kind of column on Spark: both UDFs, typed and text sources, in a time zone that loses hours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dbx_dl import register_sql_function, score_table, score_udf
from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.contracts import DatetimeFeature, FeatureSpec
from dbx_dl.feed.rows import read_rows
from dbx_dl.metrics import softmax
from dbx_dl.runtime.tables import pin_table, read_pinned
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import write_linear_model
from tests.plain_encoding import ALL_KINDS, Cells, encode_plainly
from tests.prepared_tables import describe
from tests.udf_kinds import KINDS

TIMES = [
    None,
    "0001-01-01T00:00:00",
    "1969-12-31T23:59:59.999999",
    "2024-03-10T07:30:00",
    "2024-11-03T05:30:00",  # both are half past one in New York
    "2024-11-03T06:30:00",
    "9999-12-31T23:59:59.999999",
    None,
]
CUSTOMERS = [2**53, 2**53 + 1, None, -(2**62) - 1, 0, 7, 2**62 + 3, None]
# What the model sees; customers as strings, booleans as numbers.
CELLS: Cells = {
    "size": [1.5, None, float("nan"), float("inf"), -20.0, 1e9, 0.0, 3.0],
    "when": [None if text is None else int(np.datetime64(text, "us").astype(np.int64)) for text in TIMES],
    "colour": ["red", None, "", "blue", "unseen", "ä", "red", "blue"],
    "is_new": [1.0, 0.0, None, 1.0, 0.0, None, 1.0, 0.0],
    "customer": [None if number is None else str(number) for number in CUSTOMERS],
    "vector": [[1.0, 2.0, 3.0], None, [float("nan"), 0.0, 0.0], *([[0.5, 0.25, -1.0]] * 5)],
    "price": [1.0, 2.0, None, 4.0, 5.0, None, 7.0, 8.0],
}
IDS = list(range(8))


@pytest.fixture(scope="module", autouse=True)
def new_york(spark: SparkSession) -> Iterator[None]:
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    yield
    spark.conf.set("spark.sql.session.timeZone", before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, np.ndarray]:
    path = tmp_path_factory.mktemp("model") / "kinds.onnx"
    weights = write_linear_model(path, ALL_KINDS)
    return str(path), softmax(encode_plainly(ALL_KINDS, CELLS).astype(np.float32) @ weights)


@pytest.fixture(scope="module")
def typed(spark: SparkSession) -> DataFrame:
    """The rows in the types that people's tables have."""
    table = pa.table(
        {
            "id": IDS,
            "size": CELLS["size"],
            "when": pa.array(CELLS["when"], pa.timestamp("us", "UTC")),
            "colour": CELLS["colour"],
            "is_new": pa.array([None if flag is None else bool(flag) for flag in CELLS["is_new"]]),
            "customer": pa.array(CUSTOMERS, pa.int64()),
            "vector": pa.array(CELLS["vector"], pa.list_(pa.float32())),
            "price": pa.array([None if price is None else int(price) for price in CELLS["price"]], pa.int32()),
        }
    )
    return spark.createDataFrame(table).repartition(2, "id").cache()


def probabilities(df: DataFrame, prediction: Any) -> np.ndarray:
    rows = df.select("id", prediction.alias("p")).select("id", "p.*").orderBy("id").collect()
    assert {row["error"] for row in rows} == {None}
    return np.array([row["probabilities"] for row in rows])


@KINDS
def test_udfs_see_every_kind_as_it_is(
    spark: SparkSession, typed: DataFrame, model: tuple[str, np.ndarray], kind: str
) -> None:
    path, expected = model
    score = score_udf(spark, path, kind=kind)
    score.check(typed)
    np.testing.assert_allclose(probabilities(typed, score()), expected, atol=1e-5)
    struct = F.struct("price", "vector", "id", "customer", "is_new", "colour", "when", "size")
    np.testing.assert_allclose(probabilities(typed, score(struct)), expected, atol=1e-5)


@KINDS
def test_dates_and_local_timestamps_count_as_utc(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    """One column alone, which the scorer cannot tell from a struct."""
    spec = FeatureSpec(features=(DatetimeFeature(column="t", fill=0, parts=("day_of_month", "hour"), elapsed=True),))
    weights = write_linear_model(tmp_path / "t.onnx", spec)
    score = score_udf(spark, str(tmp_path / "t.onnx"), kind=kind)
    df = spark.sql(
        "SELECT 0 AS id, date'2024-03-10' AS day, timestamp_ntz'2024-03-10 02:30:00.25' AS local "
        "UNION ALL SELECT 1, date'0001-01-01', timestamp_ntz'9999-12-31 23:59:59' UNION ALL SELECT 2, null, null"
    )
    texts = {
        "day": ["2024-03-10", "0001-01-01", "1970-01-01"],
        "local": ["2024-03-10T02:30:00.25", "9999-12-31T23:59:59", "1970-01-01"],
    }
    for name, expected in texts.items():
        cells = {"t": [int(np.datetime64(text, "us").astype(np.int64)) for text in expected]}
        encoded = encode_plainly(spec, cells).astype(np.float32)
        np.testing.assert_allclose(probabilities(df, score(name)), softmax(encoded @ weights), atol=1e-5)


@pytest.mark.parametrize("kind", ["pandas", pytest.param("arrow", marks=pytest.mark.matrix)])
def test_functions_of_sql_see_every_kind_as_it_is(
    spark: SparkSession, typed: DataFrame, model: tuple[str, np.ndarray], kind: str
) -> None:
    path, expected = model
    score = register_sql_function(spark, "predict_kinds", path, kind=kind)
    typed.createOrReplaceTempView("kinds")
    names = ", ".join(f"`{name}`" for name in score.input_columns)
    struct = "struct(*)" if kind == "arrow" else "to_variant_object(struct(*))"
    for call in (names, struct):
        rows = spark.sql(f"SELECT id, predict_kinds({call}) AS p FROM kinds")
        np.testing.assert_allclose(probabilities(rows, F.col("p")), expected, atol=1e-5)
    for cast, name in {"timestamp_ntz": "local", "date": "days"}.items():
        df = typed.withColumn("when", F.col("when").cast(cast)).where("id > 1 AND id < 7")
        df.createOrReplaceTempView(name)
        rows = spark.sql(f"SELECT id, predict_kinds({names}) AS p FROM {name}")
        np.testing.assert_array_equal(probabilities(rows, F.col("p")), probabilities(df, score()))
    wrong = names.replace("`when`", "size")
    with pytest.raises(PySparkException, match=r"holds double, but the model takes|CAST_WITHOUT_SUGGESTION"):
        spark.sql(f"SELECT predict_kinds({wrong}) FROM kinds").collect()
    if kind == "pandas":
        null = "SELECT 0 AS id, predict_kinds(to_variant_object(if(id < 0, struct(*), null))) AS p FROM kinds LIMIT 1"
        assert probabilities(spark.sql(null), F.col("p")).shape == (1, 2)
        with pytest.raises(PySparkException, match="column 'colour' holds nothing, but the model takes category"):
            spark.sql("SELECT predict_kinds(price, `when`) FROM kinds").collect()


@KINDS
def test_types_that_do_not_fit_fail_in_both(
    spark: SparkSession, typed: DataFrame, model: tuple[str, np.ndarray], kind: str
) -> None:
    score = score_udf(spark, model[0], kind=kind)
    with pytest.raises(PySparkException, match=r"column 'colour' holds double"):
        probabilities(typed.withColumn("colour", F.lit(1.5)), score())
    with pytest.raises(PySparkException, match=r"column 'when' holds|CANNOT_CAST|CAST_WITHOUT_SUGGESTION"):
        probabilities(typed.withColumn("when", F.lit(17)), score())


def test_typed_and_text_sources_give_the_same_table(
    spark: SparkSession, typed: DataFrame, model: tuple[str, np.ndarray], tmp_path: Path
) -> None:
    path, expected = model
    flags = {1.0: "Yes", 0.0: "false", None: "?"}
    text = spark.createDataFrame(
        [
            (str(row), *map(_text, (CELLS["size"][row], TIMES[row])), CELLS["colour"][row], flags[CELLS["is_new"][row]],
             CELLS["customer"][row], CELLS["vector"][row], _text(CELLS["price"][row]))
            for row in IDS
        ]
        + [("8", "1", "2024-02-30", "red", "perhaps", "1", [1.0, 2.0, 3.0], "x"),
           ("9", "1", "29.2.2024", "red", "no", "1", [1.0, 2.0, 3.0], "1"),
           ("91", "1", "", "red", "no", "1", [1.0, 2.0], "1")],
        "id string, size string, when string, colour string, is_new string, customer string, vector array<double>, "
        "price string",
    )  # fmt: skip
    found = {}
    for name, df in {"typed": typed, "text": text}.items():
        df.write.parquet(str(tmp_path / name))
        config = ScoreConfig.model_validate(
            {
                "source": str(tmp_path / name),
                "source_format": "parquet",
                "key": "id",
                "model": path,
                "table": str(tmp_path / f"{name}_predictions"),
            }
        )
        scored = score_table(spark, config, tracking=TrackingConfig(uri="sqlite:////nowhere/m.db"))
        found[name] = {row["key"]: row for row in read_pinned(spark, scored.table).collect()}
        np.testing.assert_allclose([found[name][str(i)]["probabilities"] for i in IDS], expected, atol=1e-5)
    errors = {key: row["error"] for key, row in found["text"].items() if row["error"]}
    assert errors == {
        "8": "unparsable: column 'when' holds '2024-02-30', which is no date or time in ISO 8601",
        "9": "unparsable: column 'when' holds '29.2.2024', which is no date or time in ISO 8601",
        "91": "unparsable: column 'vector' holds '[1.0, 2.0]', which is no array of as many numbers as the model takes",
    }


def test_what_spark_writes_the_feed_reads(spark: SparkSession, typed: DataFrame, tmp_path: Path) -> None:
    """Spark writes timestamps as INT96 unless told otherwise."""
    stored = typed.select(
        F.col("id").cast("string").alias("key"),
        "size",
        "when",
        "colour",
        F.col("is_new").cast("int").cast("double"),
        F.col("customer").cast("string"),
        F.col("vector").cast("array<double>"),
        F.col("price").cast("double"),
        F.lit(0).alias("label_index"),
        F.lit("test").alias("split"),
    )
    stored.repartition(1).write.format("delta").partitionBy("split").save(str(tmp_path / "stored"))
    prepared = describe(tmp_path / "stored", 0, {"test": len(IDS)}, ALL_KINDS, ("down", "up"))
    prepared = prepared.model_copy(update={"table": pin_table(spark, str(tmp_path / "stored"))})
    rows = read_rows(prepared, "test")
    assert rows.column("key").to_pylist() == [str(i) for i in IDS]
    np.testing.assert_allclose(TabularEncoder(ALL_KINDS).encode(rows), encode_plainly(ALL_KINDS, CELLS), rtol=1e-6)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)

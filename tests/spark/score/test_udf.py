"""Models as functions of Spark columns, in both kinds of UDF."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dbx_dl import score_udf
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.metrics import softmax
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import open_model
from dbx_dl.score.model.shipping import ship_model
from dbx_dl.score.predictions import predict_structs
from dbx_dl.score.udf import UDF_KINDS, _fastest_kind
from dbx_dl.score.worker import ShippedModel
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import write_linear_model
from tests.prepared_tables import IMAGES, SPEC, draw_image, encode_png
from tests.udf_kinds import KINDS


def make_rows(num_rows: int) -> pa.Table:
    rng = np.random.default_rng(1)
    x = pa.array(rng.normal(size=num_rows), mask=np.arange(num_rows) % 7 == 0)
    y = pa.array(rng.integers(-3, 4, num_rows), mask=np.arange(num_rows) % 5 == 0)
    colours = [("red", "blue", None, "unseen", "")[row % 5] for row in range(num_rows)]
    return pa.table({"id": pa.array(range(num_rows)), "x": x, "y": y, "colour": pa.array(colours, pa.string())})


def to_frame(spark: SparkSession, rows: pa.Table) -> DataFrame:
    return spark.createDataFrame(rows).repartition(3, "id")


@pytest.fixture
def model(tmp_path: Path) -> str:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    return str(tmp_path / "m.onnx")


def collect(df: DataFrame, prediction) -> list[dict]:
    rows = df.select("id", prediction.alias("p")).select("id", "p.*").orderBy("id").collect()
    return [row.asDict() for row in rows]


@KINDS
def test_predictions_equal_the_network(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", SPEC)
    rows = make_rows(500)
    expected = softmax(TabularEncoder(SPEC).encode(rows) @ weights)
    score = score_udf(spark, str(tmp_path / "m.onnx"), kind=kind)
    found = collect(to_frame(spark, rows), score("x", F.col("y"), "colour"))
    np.testing.assert_allclose([row["probabilities"] for row in found], expected, atol=1e-6)
    assert [row["label"] for row in found] == [("down", "up")[k] for k in expected.argmax(axis=1)]
    assert {row["error"] for row in found} == {None}


@KINDS
def test_columns_by_position_by_name_and_as_a_struct(spark: SparkSession, model: str, kind: str) -> None:
    score = score_udf(spark, model, kind=kind)
    df = to_frame(spark, make_rows(60))
    by_position = collect(df, score("x", "y", "colour"))
    assert collect(df, score()) == by_position
    assert collect(df, score(F.struct("colour", "id", "y", "x"))) == by_position


@KINDS
def test_bad_images_give_an_error_and_no_more(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    good = encode_png(draw_image(3, 1))
    contents = [good, None, b"", good[:-30], b"text", good] * 5
    rows = pa.table({"id": range(30), "content": pa.array(contents, pa.binary())})
    session = open_model(tmp_path / "m.onnx")
    (expected,) = predict_structs(session, pa.RecordBatch.from_arrays([pa.array(contents, pa.binary())], ["content"]))
    found = collect(to_frame(spark, rows), score_udf(spark, str(tmp_path / "m.onnx"), kind=kind)("content"))
    for row, wanted in zip(found, expected.to_pylist(), strict=True):
        assert row | {"probabilities": None} == {"id": row["id"], **wanted, "probabilities": None}
        assert row["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-6)
    assert sum(row["error"] is None for row in found) == 10


@KINDS
def test_empty_frames_and_partitions(spark: SparkSession, model: str, kind: str) -> None:
    score = score_udf(spark, model, kind=kind)
    df = spark.createDataFrame(make_rows(2)).repartition(5)
    assert len(collect(df, score())) == 2
    assert collect(df.where("id < 0"), score()) == []


@KINDS
def test_small_arrow_batches_give_the_same(spark: SparkSession, model: str, kind: str) -> None:
    score, df = score_udf(spark, model, kind=kind), to_frame(spark, make_rows(100))
    whole = collect(df, score())
    before = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "7")
    try:
        small = collect(df, score())
    finally:
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", before)
    for one, other in zip(whole, small, strict=True):
        assert one["label"] == other["label"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


def test_the_fastest_kind_is_taken(spark: SparkSession) -> None:
    assert _fastest_kind() == ("arrow" if hasattr(F, "arrow_udf") else "pandas")


def test_wrong_columns_are_found_before_the_job(spark: SparkSession, model: str) -> None:
    score, df = score_udf(spark, model), to_frame(spark, make_rows(3))
    with pytest.raises(DataError) as caught:
        score.check(df, "colour", "y", "x")
    assert [line.split() for line in str(caught.value).splitlines()[2:]] == [
        ["x", "number", "colour", "string", "<-", "does", "not", "fit"],
        ["y", "number", "y", "bigint"],
        ["colour", "category", "x", "double", "<-", "does", "not", "fit"],
    ]
    with pytest.raises(DataError, match="no column 'colour'; did you mean 'color'"):
        score.check(df.withColumnRenamed("colour", "color"))
    with pytest.raises(DataError, match="takes 'x', the struct has no such field"):
        score.check(df, F.struct("y", "colour"))
    with pytest.raises(DataError, match=r"cannot be given these columns: .*`colr`"):
        score.check(df, "x", "y", "colr")
    with pytest.raises(ConfigError, match="kind 'arow' is unknown; did you mean 'arrow'"):
        score_udf(spark, model, kind="arow")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"takes 3 columns \(x, y, colour\) or one struct, 2 were given"):
        score("x", "y")
    score.check(df)
    score.check(df, F.struct("y", "x", "colour"))


@KINDS
def test_wrong_types_in_a_plain_select_say_the_same(spark: SparkSession, model: str, kind: str) -> None:
    df = to_frame(spark, make_rows(3))
    with pytest.raises(PythonException, match="column 'x' holds"):
        df.select(score_udf(spark, model, kind=kind)("colour", "y", "colour")).collect()


def test_workers_load_the_scorer_and_nothing_above(spark: SparkSession, model: str) -> None:
    file = fetch_model(model)
    shipped = ShippedModel(ship_model(spark, file), file.sha256, 1)

    def score_and_list_modules(batches):
        import sys

        from dbx_dl.score.worker import score_arrays

        for structs in score_arrays((tuple(batch.columns) for batch in batches), shipped):
            names = [[str(len(structs)), *sorted(sys.modules)]] * len(structs)
            yield pa.RecordBatch.from_arrays([pa.array(names, pa.list_(pa.string()))], names=["m"])

    rows = to_frame(spark, make_rows(5)).select("x", "y", "colour")
    modules = set(rows.mapInArrow(score_and_list_modules, "m array<string>").first()["m"])
    assert "onnxruntime" in modules
    heavy = {"mlflow", "torch", "tensorflow", "keras", "sklearn", "onnx", "matplotlib", "horovod"}
    assert heavy & modules == set()
    upper = ("cli", "demo", "pipeline", "prepare", "train", "export", "register", "monitor", "feed", "frameworks")
    assert not [name for name in modules if name.startswith(tuple(f"dbx_dl.{layer}" for layer in upper))]


def test_the_scorer_runs_once_for_all_fields(spark: SparkSession, model: str) -> None:
    prediction = score_udf(spark, model)().alias("p")
    plan = to_frame(spark, make_rows(5)).select(prediction).select("p.label", "p.error", "p.probability")
    text = plan._jdf.queryExecution().executedPlan().toString()
    assert text.count("ArrowEvalPython") == 1 and text.count("score(") <= 2


def test_two_models_in_one_select(spark: SparkSession, tmp_path: Path) -> None:
    weights = [write_linear_model(tmp_path / f"{seed}.onnx", SPEC, seed=seed) for seed in (1, 2)]
    one, two = (score_udf(spark, str(tmp_path / f"{seed}.onnx"))() for seed in (1, 2))
    rows = make_rows(20)
    found = to_frame(spark, rows).select("id", one.alias("a"), two.alias("b")).orderBy("id").collect()
    for name, own in zip("ab", weights, strict=True):
        expected = softmax(TabularEncoder(SPEC).encode(rows) @ own)
        np.testing.assert_allclose([row[name]["probabilities"] for row in found], expected, atol=1e-6)


@KINDS
def test_another_file_than_the_drivers_is_refused_in_the_worker(spark: SparkSession, model: str, kind: str) -> None:
    for name in (ship_model(spark, fetch_model(model)), model):
        score = UDF_KINDS[kind](ShippedModel(name, "0" * 64, 1), "label string, error string")
        with pytest.raises(PythonException, match="is not the expected model: its SHA-256"):
            to_frame(spark, make_rows(3)).select(score("x", "y", "colour")).collect()

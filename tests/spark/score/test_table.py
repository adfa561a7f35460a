"""Batch scoring into Delta: one row out for every row in, whatever the rows hold."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from dbx_dl import score_table
from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.contracts import ScoredTable
from dbx_dl.errors import DataError
from dbx_dl.metrics import softmax
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.model.session import digest_file
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import write_linear_model
from tests.prepared_tables import IMAGES, SPEC, draw_image, encode_png

NOWHERE = TrackingConfig(uri="sqlite:////nowhere/m.db")
CSV = """id,x,y,colour,other
a,1.5,2,red,0
b,,?,NA,0
"c,1",oops,1,blue,0
d,-0.5,1e1,unseen,0
e,1
f,0.25,"0,5",red,0
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    write_linear_model(tmp_path / "table.onnx", SPEC)
    return str(tmp_path / "table.onnx")


@pytest.fixture
def picture_model(tmp_path: Path) -> str:
    write_linear_model(tmp_path / "pictures.onnx", IMAGES)
    return str(tmp_path / "pictures.onnx")


def run(spark: SparkSession, tmp_path: Path, model: str, source: Path | str, **settings: str) -> ScoredTable:
    values = {"source": str(source), "model": model, "table": str(tmp_path / "predictions"), **settings}
    return score_table(spark, ScoreConfig.model_validate(values), tracking=NOWHERE)


def read(spark: SparkSession, scored: ScoredTable) -> dict[str, dict]:
    return {row["key"]: row.asDict() for row in read_pinned(spark, scored.table).collect()}


def write_csv(path: Path, text: str = CSV) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_rows_are_parsed_and_bad_ones_explained(spark: SparkSession, tmp_path: Path, model: str) -> None:
    weights = write_linear_model(Path(model), SPEC)
    source = write_csv(tmp_path / "rows.csv")
    scored = run(spark, tmp_path, model, source, source_format="csv", key="id")
    rows = read(spark, scored)
    assert sorted(rows) == ["a", "b", "c,1", "d", "e", "f"]
    good = pa.table({"x": [1.5, None, -0.5], "y": [2.0, None, 10.0], "colour": ["red", None, "unseen"]})
    expected = softmax(TabularEncoder(SPEC).encode(good) @ weights)
    np.testing.assert_allclose([rows[key]["probabilities"] for key in "abd"], expected, atol=1e-6)
    assert [rows[key]["label"] for key in "abd"] == [("down", "up")[k] for k in expected.argmax(axis=1)]
    assert rows["c,1"]["error"] == "unparsable: column 'x' holds 'oops', which is no number"
    assert rows["f"]["error"] == "unparsable: column 'y' holds '0,5', which is no number"
    assert rows["e"]["error"].startswith("malformed: ")
    for key in ("c,1", "e", "f"):
        assert [rows[key][name] for name in ("label", "probability", "probabilities")] == [None, None, None]
    assert (scored.num_rows, scored.num_errors) == (6, 3)
    assert scored.error_reasons == {"malformed": 1, "unparsable": 2} and scored.rows_per_second > 0


def test_lineage_says_what_was_scored_with_what(spark: SparkSession, tmp_path: Path, model: str) -> None:
    scored = run(spark, tmp_path, model, write_csv(tmp_path / "rows.csv"), source_format="csv", key="id")
    row = read(spark, scored)["a"]
    assert row["model_name"] == scored.model_name == model and row["model_version"] is scored.model_version is None
    assert row["model_sha256"] == scored.model_sha256 == digest_file(model)
    assert row["source"] == scored.source == str(tmp_path / "rows.csv") and row["scored_at"] is not None
    assert dict(read_pinned(spark, scored.table).dtypes)["probabilities"] == "array<float>"


def test_parquet_and_delta_keep_their_types(spark: SparkSession, tmp_path: Path, model: str) -> None:
    rows = pa.table(
        {
            "id": [1, 2, 3],
            "x": pa.array([1, None, 3], pa.int32()),
            "y": pa.array([True, False, None]),
            "colour": pa.array([7, 8, None], pa.int64()),
        }
    )
    df = spark.createDataFrame(rows)
    df.write.parquet(str(tmp_path / "parquet"))
    df.write.format("delta").save(str(tmp_path / "delta"))
    one = run(spark, tmp_path, model, tmp_path / "parquet", source_format="parquet", key="id")
    found = read(spark, one)
    two = run(spark, tmp_path, model, tmp_path / "delta", source_format="delta", key="id")
    again = read(spark, two)
    assert sorted(found) == ["1", "2", "3"] and two.source.endswith("delta@v0")
    assert {key: row["probability"] for key, row in found.items()} == {
        key: row["probability"] for key, row in again.items()
    }
    assert (one.num_errors, two.num_errors) == (0, 0) and two.table.version == one.table.version + 1


def test_image_folders_give_a_row_per_file(spark: SparkSession, tmp_path: Path, picture_model: str) -> None:
    good = encode_png(draw_image(1, 1))
    files = {
        "a/1.png": good,
        "a/2 %20ü#.png": good,
        "broken.png": good[:-30],
        "b/zero.png": b"",
        "b/text.png": b"hello",
    }
    for name, content in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    scored = run(spark, tmp_path, picture_model, tmp_path / "folder", source_format="images")
    rows = read(spark, scored)
    assert sorted(rows) == sorted(files)
    assert scored.error_reasons == {"empty": 1, "not_an_image": 1, "truncated": 1}
    assert rows["a/1.png"]["probabilities"] == rows["a/2 %20ü#.png"]["probabilities"] is not None


def test_image_tables_are_scored_by_their_bytes(spark: SparkSession, tmp_path: Path, picture_model: str) -> None:
    rows = pa.table({"path": ["a", "b", "c"], "content": pa.array([encode_png(draw_image(1, 1)), b"x", None])})
    spark.createDataFrame(rows).write.format("delta").save(str(tmp_path / "bytes"))
    scored = run(spark, tmp_path, picture_model, tmp_path / "bytes", source_format="delta")
    assert scored.error_reasons == {"not_an_image": 1, "null": 1} and scored.num_rows == 3


def test_scoring_again_replaces_the_table_in_one_commit(spark: SparkSession, tmp_path: Path, model: str) -> None:
    source = write_csv(tmp_path / "rows.csv")
    one = run(spark, tmp_path, model, source, source_format="csv", key="id")
    write_csv(source, "id,x,y,colour\nz,1,1,red\n")
    two = run(spark, tmp_path, model, source, source_format="csv", key="id")
    assert (two.table.version, two.num_rows) == (one.table.version + 1, 1)
    assert len(read(spark, one)) == 6  # the earlier version is still what it was
    write_csv(source, "id,x,y,colour\n")
    assert run(spark, tmp_path, model, source, source_format="csv", key="id").num_rows == 0


def test_named_tables_work_like_paths(spark: SparkSession, tmp_path: Path, model: str) -> None:
    source = write_csv(tmp_path / "rows.csv")
    scored = run(spark, tmp_path, model, source, source_format="csv", key="id", table="scored_rows")
    assert scored.table.name == "scored_rows" and spark.table("scored_rows").count() == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "id,x,y,colour\na,1,1,red\na,2,2,red\nb,1,1,red\nb,1,1,red\n",
            r"2 keys that several rows have \(such as 'a'\)",
        ),
        ("id,x,y,colour\n,1,1,red\n,2,2,red\nb,1,1,red\n", "2 rows without a key"),
        ("id,x,color,y\na,1,red,1\n", "has no column 'colour'; did you mean 'color'"),
        ("key,x,y,colour\na,1,1,red\n", "has no column 'id'"),
    ],
)
def test_a_wrong_source_writes_nothing(spark: SparkSession, tmp_path: Path, model: str, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        run(spark, tmp_path, model, write_csv(tmp_path / "rows.csv", text), source_format="csv", key="id")
    assert not (tmp_path / "predictions").exists()


def test_wrong_types_and_places_are_refused_before_the_job(spark: SparkSession, tmp_path: Path, model: str) -> None:
    df = spark.range(2).select("id", F.array("id").alias("x"), F.col("id").alias("y"), F.lit("red").alias("colour"))
    df.write.format("delta").save(str(tmp_path / "nested"))
    with pytest.raises(DataError, match=r"column 'x' is array<bigint>, the model takes numbers"):
        run(spark, tmp_path, model, tmp_path / "nested", source_format="delta", key="id")
    with pytest.raises(DataError, match="does not exist"):
        run(spark, tmp_path, model, tmp_path / "absent.csv", source_format="csv", key="id")
    source = write_csv(tmp_path / "rows.csv")
    with pytest.raises(DataError, match="holds no predictions"):
        run(spark, tmp_path, model, source, source_format="csv", key="id", table=str(tmp_path / "nested"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(DataError, match="not a Delta table"):
        run(spark, tmp_path, model, source, source_format="csv", key="id", table=str(tmp_path / "full"))
    with pytest.raises(DataError, match=r"table /proc/nowhere/t cannot be written: \[DELTA_CANNOT_CREATE_LOG_PATH\] "):
        run(spark, tmp_path, model, source, source_format="csv", key="id", table="/proc/nowhere/t")
    with pytest.raises(DataError, match=r"rows.csv cannot be read: \[CAST_INVALID_INPUT\] The value '[^\n]*$"):
        run(spark, tmp_path, model, source, source_format="csv", key="id", where="CAST(colour AS INT) > 1")
    assert spark.read.format("delta").load(str(tmp_path / "nested")).columns == df.columns


def test_an_image_model_wants_bytes(spark: SparkSession, tmp_path: Path, picture_model: str) -> None:
    source = write_csv(tmp_path / "rows.csv", "id,content\na,text\n")
    with pytest.raises(DataError, match=r"content +image bytes +content +string +<- does not fit"):
        run(spark, tmp_path, picture_model, source, source_format="csv", key="id")


def test_predictions_cannot_replace_their_own_source(spark: SparkSession, tmp_path: Path, model: str) -> None:
    source = write_csv(tmp_path / "rows.csv")
    scored = run(spark, tmp_path, model, source, source_format="csv", key="id")
    columns = F.col("*"), F.lit(1.0).alias("x"), F.lit(1.0).alias("y"), F.lit("red").alias("colour")
    table = read_pinned(spark, scored.table).select(*columns)
    table.write.format("delta").save(str(tmp_path / "both"))
    with pytest.raises(DataError, match="is the source itself"):
        run(spark, tmp_path, model, tmp_path / "both", source_format="delta", key="key", table=str(tmp_path / "both"))

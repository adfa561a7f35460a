"""Metrics of a model on the pinned rows, through the scorer."""

from pathlib import Path

import numpy as np
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from dbx_dl.errors import DataError
from dbx_dl.feed.rows import read_rows
from dbx_dl.metrics import classification_metrics, softmax
from dbx_dl.score.evaluation import evaluate_model
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC, write_feature_table, write_image_table


def test_metrics_equal_those_computed_by_hand(spark: SparkSession, tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "table", {"train": 20, "test": 90})
    weights = write_linear_model(tmp_path / "m.onnx", SPEC)
    rows = read_rows(prepared, "test")
    probabilities_nc = softmax(TabularEncoder(SPEC).encode(rows) @ weights)
    expected = classification_metrics(rows.column("label_index").to_numpy(), probabilities_nc)
    found = evaluate_model(spark, str(tmp_path / "m.onnx"), prepared)
    assert found == pytest.approx(expected, abs=1e-5) and set(found) >= {"accuracy", "log_loss", "auc"}
    assert evaluate_model(spark, str(tmp_path / "m.onnx"), prepared, "validation") == {}


def test_later_rows_do_not_count(spark: SparkSession, tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "table", {"test": 30})
    write_linear_model(tmp_path / "m.onnx", SPEC)
    before = evaluate_model(spark, str(tmp_path / "m.onnx"), prepared)
    more = read_rows(prepared, "test").append_column("split", [["test"] * 30])
    write_deltalake(tmp_path / "table", more, mode="append")
    assert evaluate_model(spark, str(tmp_path / "m.onnx"), prepared) == before


def test_models_of_other_tables_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "table", {"test": 5})
    write_linear_model(tmp_path / "labels.onnx", SPEC, ("a", "b"))
    with pytest.raises(DataError, match="knows the labels a, b"):
        evaluate_model(spark, str(tmp_path / "labels.onnx"), prepared)
    images = write_image_table(tmp_path / "images", {"test": 4})
    write_linear_model(tmp_path / "m.onnx", SPEC, ("dark", "bright"))
    with pytest.raises(DataError, match="no column 'x'"):
        evaluate_model(spark, str(tmp_path / "m.onnx"), images)


def test_a_row_that_fails_fails_the_evaluation(spark: SparkSession, tmp_path: Path) -> None:
    images = write_image_table(tmp_path / "images", {"test": 4})
    write_linear_model(tmp_path / "m.onnx", images.inputs, ("dark", "bright"))
    assert np.isfinite(evaluate_model(spark, str(tmp_path / "m.onnx"), images)["log_loss"])
    small = images.inputs.model_copy(update={"max_pixels": 1})
    write_linear_model(tmp_path / "small.onnx", small, ("dark", "bright"))
    with pytest.raises(DataError, match="fails on 4 of 4 rows: too_large"):
        evaluate_model(spark, str(tmp_path / "small.onnx"), images)

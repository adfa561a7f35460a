"""Metrics of a model on the pinned rows, through the scorer."""

from pathlib import Path

import numpy as np
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from dbx_dl import score_udf
from dbx_dl.contracts import Target, TaskName
from dbx_dl.errors import DataError
from dbx_dl.feed.rows import read_rows
from dbx_dl.feed.targets import LabelReader
from dbx_dl.frameworks.interface import ObjectiveRequest
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.metrics import classification_metrics, softmax
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.evaluation import evaluate_model, predict_split, truth_columns
from dbx_dl.tasks import TASKS
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC, write_feature_table, write_image_table, write_number_table
from tests.udf_kinds import AVAILABLE_KINDS


def test_metrics_equal_those_computed_by_hand(spark: SparkSession, tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "table", {"train": 20, "test": 90})
    weights = write_linear_model(tmp_path / "m.onnx", SPEC)
    rows = read_rows(prepared, "test")
    probabilities_nc = softmax(TabularEncoder(SPEC).encode(rows) @ weights)
    expected = classification_metrics(rows.column("label_index").to_numpy(), probabilities_nc)
    found = evaluate_model(spark, str(tmp_path / "m.onnx"), prepared)
    assert found == pytest.approx(expected, abs=1e-5) and set(found) >= {"accuracy", "log_loss", "auc"}
    assert evaluate_model(spark, str(tmp_path / "m.onnx"), prepared, "validation") == {}


@pytest.mark.parametrize("task", ["multilabel", "regression", "count"])
def test_every_task_has_its_own_metrics(spark: SparkSession, tmp_path: Path, task: TaskName) -> None:
    prepared = write_number_table(tmp_path / "table", task, {"train": 1, "test": 60})
    names, scaling = prepared.target.label_names, {"label_center": 300.0, "label_scale": 70.0}
    changes = scaling if task == "regression" else {}
    weights = write_linear_model(tmp_path / "m.onnx", prepared.inputs, names, task=task, **changes)
    rows = read_rows(prepared, "test")
    logits_nc = (TabularEncoder(prepared.inputs).encode(rows) @ weights).astype(np.float32)
    measures = SupervisedMeasures(ObjectiveRequest(task=task, **changes))
    labels = LabelReader(prepared.target).read(rows, "rows")
    expected = measures.measure({"labels": labels, "predictions": measures.predict(logits_nc)})
    found = evaluate_model(spark, str(tmp_path / "m.onnx"), prepared)
    assert found == pytest.approx(expected, rel=1e-5) and set(found) == set(TASKS[task].metrics)
    predicted = predict_split(spark, str(tmp_path / "m.onnx"), prepared, columns=["x"])
    output = "probabilities" if names else "value"
    assert predicted.column_names == ["key", *truth_columns(prepared), "x", output] and predicted.num_rows == 60
    other = prepared.model_copy(update={"target": Target(task="binary", column="label", label_names=("a", "b"))})
    with pytest.raises(DataError, match=f"is of the task {task}; table .* of binary"):
        predict_split(spark, str(tmp_path / "m.onnx"), other)


def test_both_kinds_of_function_give_label_sets_and_embeddings(spark: SparkSession, tmp_path: Path) -> None:
    prepared = write_number_table(tmp_path / "table", "multilabel", {"train": 1, "test": 6})
    names = prepared.target.label_names
    write_linear_model(tmp_path / "m.onnx", prepared.inputs, names, task="multilabel", embeddings="flat")
    df = read_pinned(spark, prepared.table)
    found = [
        df.select(score_udf(spark, str(tmp_path / "m.onnx"), kind=kind)().alias("p")).select("p.*")
        for kind in AVAILABLE_KINDS
    ]
    ddl = "labels array<string>, probabilities array<float>, embedding array<float>, error string"
    assert [df.schema.simpleString() for df in found] == [StructType.fromDDL(ddl).simpleString()] * len(found)
    assert all(df.collect() == found[0].collect() for df in found)
    assert found[0].count() == 7


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

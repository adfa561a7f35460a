"""Batch tables with options: files of others, mapped columns, and fields that were chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx import helper

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.tables.explanation import explain_score
from tests.foreign_models import FLOAT, write_classifier, write_foreign
from tests.spark.score.changing_source import NOWHERE, NUM_ROWS, configure, run, write_model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM_NULLS = 12  # in `b`


@pytest.fixture(scope="module")
def place(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("options")
    columns = ("id", "id / 10 AS a", "IF(id % 9 = 0, NULL, id / 7) AS b", "IF(id % 3 = 0, 'red', NULL) AS c")
    spark.range(NUM_ROWS).selectExpr(*columns).coalesce(1).write.format("delta").save(str(folder / "in"))
    return folder


@pytest.mark.matrix
def test_a_file_of_others_fills_a_table(spark: SparkSession, place: Path) -> None:
    weights = write_classifier(place / "foreign.onnx")
    options = {"inputs": {"x": ["id", "a", "b", "a"]}, "labels": ["p", "q", "r"], "top_k": 2}
    settings = {"options": options, "mode": "incremental", "write": "merge"}
    scored = run(spark, place, str(place / "foreign.onnx"), **settings)
    assert (scored.num_rows, scored.num_errors, scored.model_version) == (NUM_ROWS, NUM_NULLS, None)
    rows = {row["key"]: row for row in read_pinned(spark, scored.table).collect()}
    for number in (1, 50, 98):
        logits = np.array([number, number / 10, number / 7, number / 10]) @ weights
        best = logits.argsort()[::-1][:2]
        assert rows[str(number)]["label"] == "pqr"[best[0]]
        assert [each["label"] for each in rows[str(number)]["top_k"]] == ["pqr"[k] for k in best]
    assert rows["9"]["label"] is None and "null" in rows["9"]["error"]
    assert all(row["model_run_id"] is None for row in rows.values())
    again = run(spark, place, str(place / "foreign.onnx"), **settings)
    assert (again.num_rows, again.num_written) == (NUM_ROWS, 0)
    turned = {**settings, "options": {**options, "labels": ["q", "r", "p"]}}
    other = run(spark, place, str(place / "foreign.onnx"), **turned)
    assert (other.selection, other.num_written, other.num_rows) == ("input hash", NUM_ROWS, NUM_ROWS)
    labels = {row["key"]: row["label"] for row in read_pinned(spark, other.table).collect()}
    assert labels == {key: row["label"] and "qrp"["pqr".index(row["label"])] for key, row in rows.items()}
    plan = dict(explain_score(spark, configure(place, str(place / "foreign.onnx"), **settings), tracking=NOWHERE))
    assert (plan["columns to read"], plan["providers"]) == ("id, a, b", "cpu")
    with pytest.raises(DataError, match="has columns that do not fit model"):
        run(spark, place, str(place / "foreign.onnx"), **{**settings, "options": {**options, "top_k": None}})


def test_a_model_of_ours_takes_columns_of_other_names(spark: SparkSession, place: Path, tmp_path: Path) -> None:
    options = {"inputs": {"x": "a", "y": "b", "colour": "c"}, "fields": ["label", "probability"]}
    table = {"table": str(tmp_path / "out")}
    scored = run(spark, place, write_model(place), options=options, **table)
    assert (scored.num_rows, scored.num_errors) == (NUM_ROWS, 0)
    assert read_pinned(spark, scored.table).columns[:4] == ["key", "label", "probability", "error"]
    with pytest.raises(DataError, match="'nosuch'"):
        run(spark, place, write_model(place), options={"inputs": {"x": "nosuch", "y": "b", "colour": "c"}}, **table)


def test_an_output_that_is_called_like_a_column_of_ours_is_refused(spark: SparkSession, place: Path) -> None:
    nodes, tensor = [helper.make_node("Identity", ["x"], ["key"])], (FLOAT, ["N"])
    model = write_foreign(place / "key.onnx", nodes, [("x", *tensor)], [("key", *tensor)])
    with pytest.raises(ConfigError, match="an output 'key', a name that predictions tables use themselves"):
        run(spark, place, model, options={"inputs": {"x": "a"}})

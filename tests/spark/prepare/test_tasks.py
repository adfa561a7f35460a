"""Tables that teach something else than classes, from JSON lines and from a query, prepared as a whole."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import numpy as np
import pandas as pd
import pytest
import yaml

from dbx_dl.config import PrepareTableConfig
from dbx_dl.contracts import FeatureSpec, PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.prepare import prepare_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOPICS = ("sport", "art", "food")


def prepare(spark: SparkSession, table: Path, **changes: Any) -> tuple[PreparedTable, pd.DataFrame]:
    values = {"source": "s", "table": str(table), "key": "id", "label": "y"}
    prepared = prepare_table(spark, PrepareTableConfig.model_validate({**values, **changes}))
    stored = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version).to_pandas()
    return prepared, stored.set_index("id").sort_index()


def test_several_labels_from_json_lines(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        {
            "id": f"r{i:02d}",
            "text": [0.5 * i, 1.0, -i],
            "read": i % 3 == 0,
            "at": f"2024-01-{1 + i % 28:02d}",
            "y": [topic for j, topic in enumerate(TOPICS) if i % (j + 2) == 0],
        }
        for i in range(60)
    ]
    (tmp_path / "in.json").write_text("\n".join([*map(json.dumps, lines), "{"]))
    spec_file = tmp_path / "found.yml"
    source = {"source": str(tmp_path / "in.json"), "source_format": "json"}
    prepared, stored = prepare(spark, tmp_path / "a", **source, write_spec=str(spec_file))
    assert (prepared.target.task, prepared.target.label_names) == ("multilabel", tuple(sorted(TOPICS)))
    assert (prepared.num_rows, prepared.reject_reasons) == (60, {"malformed_row": 1})
    expected = {line["id"]: sorted(line["y"]) for line in lines}  # type: ignore[arg-type]
    assert {key: list(labels) for key, labels in stored["label"].items()} == expected
    names = prepared.target.label_names
    assert [[names[i] for i in found] for found in stored["label_index"]] == [list(x) for x in stored["label"]]
    assert prepared.class_rows == {topic: sum(topic in labels for labels in expected.values()) for topic in names}
    train = stored[stored["split"] == "train"]
    counted = {topic: sum(topic in labels for labels in train["label"]) for topic in names}
    assert prepared.statistics.class_rows["train"] == counted
    weights = prepared.statistics.class_weights["balanced"]
    assert weights["art"] == pytest.approx(sum(counted.values()) / (3 * counted["art"]))
    # The written columns, used as config, give the same table.
    found = yaml.safe_load(spec_file.read_text())
    assert {name: column["kind"] for name, column in found["columns"].items()} == {
        "at": "datetime",
        "read": "boolean",
        "text": "embedding",
    }
    again, _ = prepare(spark, tmp_path / "b", **source, **found)
    assert (again.inputs, again.target) == (prepared.inputs, prepared.target)


def test_a_regression_from_a_query(spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    query = """
        SELECT concat('r', id) AS id, if(id = 7, 'much', cast(id * 2.5 AS string)) AS y, id * -1.0 AS copy,
               id * id % 17 AS x, if(id % 4 = 0, null, id % 2 = 0) AS flag
        FROM range(100)"""
    source = {"source": query, "source_format": "query", "task": "regression"}
    columns = {"x": {"kind": "numeric", "log1p": True, "scale": "robust"}}
    prepared, stored = prepare(spark, tmp_path / "out", **source, columns=columns)
    assert (prepared.target.task, prepared.target.label_names, prepared.class_rows) == ("regression", (), {})
    assert list(stored.columns) == ["copy", "x", "flag", "label", "split"]
    assert stored["label"].dtype == np.float64
    assert stored.loc["r9", "label"] == 22.5
    assert prepared.reject_reasons == {"bad_label": 1}
    assert isinstance(prepared.inputs, FeatureSpec)
    assert prepared.inputs.columns == ("copy", "x", "flag")
    (warning,) = prepared.statistics.warnings
    assert warning.startswith("column 'copy' equals the target in the train split")
    assert warning in caplog.text
    assert [profile.column for profile in prepared.statistics.profiles] == ["copy", "x", "flag", "label"]
    of_train = stored.loc[stored["split"] == "train", "label"]
    assert prepared.statistics.profiles[-1].mean == pytest.approx(of_train.mean())
    assert prepared.statistics.class_weights == {}


def test_numbers_are_learned_as_a_regression_unless_told_otherwise(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = {"source": "SELECT id, id % 50 AS y, id * 7 % 11 AS x FROM range(200)", "source_format": "query"}
    with caplog.at_level(logging.INFO, "dbx_dl"):
        prepared, _ = prepare(spark, tmp_path / "out", **source)
    assert prepared.target.task == "regression"
    assert "set `task: count, or task: multiclass` to change that" in caplog.text


@pytest.mark.parametrize(
    ("query", "changes", "message"),
    [
        ("SELECT id, 5 AS y, id AS x FROM range(50)", {"task": "count"}, "has the label 5: there is nothing to learn"),
        (
            "SELECT id, id % 3 AS y, id AS x FROM range(50)",
            {"task": "binary"},
            "3 values .* too many for `task: binary`",
        ),
        ("SELECT id, id % 2 AS y, 1 AS x FROM range(50)", {}, "every feature column has one value only"),
        ("SELECT id, array('?') AS y, id AS x FROM range(50)", {}, "no row has any label"),
    ],
)
def test_nothing_to_learn(
    spark: SparkSession, tmp_path: Path, query: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        prepare(spark, tmp_path / "out", source=query, source_format="query", **changes)
    assert list(tmp_path.iterdir()) == []

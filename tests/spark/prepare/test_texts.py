"""A table whose input is a text: its vocabulary is counted in Spark, what is cut is told, and later rows keep it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from dbx_dl.config import NumericColumn, PrepareTableConfig
from dbx_dl.contracts import TextAndColumnsSpec, TextSpec
from dbx_dl.errors import DataError
from dbx_dl.feed.reader import open_feed
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.tables import read_pinned

ROWS = [
    ("good film", "up"),
    ("Good, GOOD Ämter", "up"),
    ("bad film", "down"),
    ("", "down"),
    ("bad bad bad bad", "down"),
]


def write_source(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "review", "stars", "mood"))
        writer.writerows((f"r{number:02d}", text, number, mood) for number, (text, mood) in enumerate(rows))


def configure(folder: Path) -> PrepareTableConfig:
    values: dict[str, Any] = {
        "source": str(folder / "in.csv"),
        "table": str(folder / "table"),
        "key": "id",
        "label": "mood",
        "columns": {"review": {"kind": "text", "max_length": 3}},
        "split": {"train": 1.0, "validation": 0.0, "test": 0.0},
    }
    return PrepareTableConfig.model_validate(values)


def test_a_text_is_prepared_and_read(spark: SparkSession, tmp_path: Path) -> None:
    write_source(tmp_path / "in.csv", ROWS * 4)
    prepared = prepare_table(spark, configure(tmp_path))
    spec = prepared.inputs
    assert isinstance(spec, TextSpec)
    assert spec.text.vocabulary == ("bad", "good", "film", "ämter")
    warnings = " ".join(prepared.statistics.warnings)
    assert "4 of 20 texts of the train split have more than 3 tokens (the longest 4)" in warnings
    assert "4 of 20 texts of the train split have no token" in warnings
    (profile,) = prepared.statistics.profiles
    assert (profile.kind, profile.num_nulls, profile.minimum, profile.maximum) == ("text", 4, 0, 4)
    assert profile.top == {"bad": 20, "good": 12, "film": 8, "ämter": 4}

    (batch,) = open_feed(prepared, "train", batch_size=20).batches(0)
    ids = {key: row.tolist() for key, row in zip(batch.keys, batch.inputs, strict=True)}
    assert batch.inputs.dtype == np.int32
    assert [ids[f"r{row:02d}"] for row in range(5)] == [[3, 4, 0], [3, 3, 5], [2, 4, 0], [0, 0, 0], [2, 2, 2]]


def test_a_text_is_read_beside_declared_columns(spark: SparkSession, tmp_path: Path) -> None:
    write_source(tmp_path / "in.csv", ROWS)
    config = configure(tmp_path)
    columns = {"review": config.columns["review"], "stars": NumericColumn(scale="min_max")} if config.columns else {}
    prepared = prepare_table(spark, config.model_copy(update={"columns": columns}))
    spec = prepared.inputs
    assert isinstance(spec, TextAndColumnsSpec)
    assert (spec.columns, spec.row_shape, spec.row_dtype) == (("review", "stars"), (4,), "float32")
    assert [profile.column for profile in prepared.statistics.profiles] == ["review", "stars"]
    assert any("have no token" in warning for warning in prepared.statistics.warnings)
    (batch,) = open_feed(prepared, "train", batch_size=5).batches(0)
    rows = {key: row.tolist() for key, row in zip(batch.keys, batch.inputs, strict=True)}
    expected = [[3, 4, 0, 0], [3, 3, 5, 0.25], [2, 4, 0, 0.5], [0, 0, 0, 0.75], [2, 2, 2, 1]]
    assert [rows[f"r{row:02d}"] for row in range(5)] == expected


@pytest.mark.matrix
def test_later_rows_keep_the_vocabulary(spark: SparkSession, tmp_path: Path) -> None:
    write_source(tmp_path / "in.csv", ROWS * 4)
    prepared = prepare_table(spark, configure(tmp_path))
    write_source(tmp_path / "in.csv", [*ROWS * 4, ("new words", "up")])
    later = prepare_table(spark, configure(tmp_path))
    assert (later.num_rows, later.inputs) == (21, prepared.inputs)


@pytest.mark.matrix
def test_labels_and_tokens_must_be_as_many(spark: SparkSession, tmp_path: Path) -> None:
    rows = [("good film", "a b"), ("good bad film", "a b a"), ("bad", "b")]
    write_source(tmp_path / "in.csv", [*rows, ("bad", "b a"), ("", "a"), ("good good film", "a")])
    config = configure(tmp_path).model_copy(update={"task": "frames", "label_separator": " "})
    with pytest.raises(DataError, match=r"3 of 6 rows are unusable, .*: 3 misaligned_labels \(e.g. r03\)"):
        prepare_table(spark, config.model_copy(update={"max_reject_fraction": 0.4}))
    prepared = prepare_table(spark, config)
    assert (prepared.num_rejects, prepared.reject_reasons) == (3, {"misaligned_labels": 3})
    assert prepared.rejects is not None
    details = {row["id"]: row["detail"] for row in read_pinned(spark, prepared.rejects).collect()}
    assert details["r03"].startswith("2 labels for 1 tokens of 'review', which are what pattern '")
    assert (prepared.target.task, prepared.target.num_frames) == ("frames", 3)
    (batch,) = open_feed(prepared, "train", batch_size=3).batches(0)
    labels = dict(zip(batch.keys, batch.labels.tolist(), strict=True))
    assert labels == {"r00": [0, 1, -1], "r01": [0, 1, 0], "r02": [1, -1, -1]}

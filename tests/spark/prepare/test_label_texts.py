"""Labels that are texts: a vocabulary and a length of their own, for rows of a table and for images."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from dbx_dl.config import PrepareImagesConfig, PrepareTableConfig
from dbx_dl.errors import ConfigError
from dbx_dl.feed.reader import open_feed
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.tables import read_pinned
from tests.image_bytes import encode_pixels, gradient

ROWS = [("un deux", "One two"), ("un", "one"), ("", "none"), ("deux un deux", "two ONE two"), ("trois", "")]
TRAIN_ONLY = {"train": 1.0, "validation": 0.0, "test": 0.0}


def write_rows(path: Path, names: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])


def configure(folder: Path, **changes: Any) -> PrepareTableConfig:
    values: dict[str, Any] = {
        "source": str(folder / "in.csv"),
        "table": str(folder / "table"),
        "key": "id",
        "label": "english",
        "task": "sequence",
        "label_text": {"max_length": 2, "joiner": "-"},
        "columns": {"french": "text"},
        "split": TRAIN_ONLY,
    }
    return PrepareTableConfig.model_validate(values | changes)


@pytest.mark.matrix
def test_labels_of_a_table_are_cut_and_told(spark: SparkSession, tmp_path: Path) -> None:
    rows = [(f"r{number:02d}", *row) for number, row in enumerate(ROWS)]
    write_rows(tmp_path / "in.csv", ("id", "french", "english"), rows)
    prepared = prepare_table(spark, configure(tmp_path))
    target = prepared.target
    assert (target.task, target.label_names, target.joiner) == ("sequence", (), "-")
    assert target.text is not None
    assert (target.text.column, target.text.max_length, target.text.vocabulary) == ("label", 2, ("one", "two", "none"))
    assert (prepared.num_rows, prepared.reject_reasons) == (4, {"no_label": 1})
    (told,) = (sentence for sentence in prepared.statistics.warnings if "'label'" in sentence)
    assert "1 of 4 texts of the train split have more than 2 tokens" in told and "is not learned" in told
    (batch,) = open_feed(prepared, "train", batch_size=4).batches(0)
    labels = dict(zip(batch.keys, batch.labels.tolist(), strict=True))
    assert labels == {"r00": [2, 3], "r01": [2, 0], "r02": [4, 0], "r03": [3, 2]}
    assert read_pinned(spark, prepared.table).columns == ["id", "french", "label", "split"]
    write_rows(tmp_path / "in.csv", ("id", "french", "english"), [*rows, ("r05", "quatre", "four")])
    later = prepare_table(spark, configure(tmp_path))
    assert (later.num_rows, later.target) == (5, target)


def test_labels_of_images_are_texts(spark: SparkSession, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(encode_pixels(gradient(6 + number, 8)))
    texts = ["a dog", "a small dog", "", "a cat"]
    write_rows(tmp_path / "m.csv", ("path", "label"), [(f"{number}.png", text) for number, text in enumerate(texts)])
    values: dict[str, Any] = {
        "source": {"format": "manifest", "path": str(tmp_path / "m.csv")},
        "table": str(tmp_path / "table"),
        "height": 6,
        "width": 8,
        "task": "sequence",
        "split": TRAIN_ONLY,
    }
    prepared = prepare_images(spark, PrepareImagesConfig.model_validate(values))
    text = prepared.target.text
    assert text is not None and (text.max_length, text.vocabulary) == (3, ("a", "dog", "cat", "small"))
    assert (prepared.num_rows, prepared.reject_reasons, prepared.class_rows) == (3, {"no_label": 1}, {})
    (batch,) = open_feed(prepared, "train", batch_size=3).batches(0)
    assert batch.inputs.shape == (3, 6, 8, 3)
    labels = dict(zip(batch.keys, batch.labels.tolist(), strict=True))
    assert labels == {"0.png": [2, 3, 0], "1.png": [2, 5, 3], "3.png": [2, 4, 0]}
    assert prepare_images(spark, PrepareImagesConfig.model_validate(values)) == prepared
    without = values | {
        "source": {"format": "folders", "path": str(tmp_path), "label": "none"},
        "table": str(tmp_path / "other"),
    }
    with pytest.raises(ConfigError, match="`task: sequence` takes images with one text each"):
        prepare_images(spark, PrepareImagesConfig.model_validate(without))

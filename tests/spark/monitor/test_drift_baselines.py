"""What prepare stores of the train split is what is measured of its table, and scored windows are compared with it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dbx_dl.config import PrepareImagesConfig, PrepareTableConfig
from dbx_dl.contracts import Distribution, PreparedTable
from dbx_dl.monitor.drift.baselines import find_input_baseline
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.tabular.prepare import prepare_table
from tests.image_bytes import encode_pixels
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def _forget(prepared: PreparedTable) -> PreparedTable:
    """As an earlier version of dbx_dl left it."""
    statistics = prepared.statistics.model_copy(update={"distributions": None})
    return prepared.model_copy(update={"statistics": statistics})


def _by_name(columns: tuple[Distribution, ...]) -> dict[str, Distribution]:
    return {column.name: column for column in columns}


def _write_rows(path: Path) -> None:
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "size", "is_new", "town", "seen", "review", "mood"))
        for i in range(400):
            size = "" if i % 9 == 0 else f"{rng.normal():.2f}"
            town = ["York", "Bath", ""][min(2, int(rng.exponential()))]
            review = "" if i % 10 == 0 else " ".join(rng.choice(["good", "bad", "film", f"w{i}"], 1 + i % 4))
            writer.writerow((f"r{i}", size, ["yes", "no"][i % 2], town, "2024-02-29", review, "ab"[i % 2]))


def test_a_table_keeps_the_distributions_of_its_inputs(spark: SparkSession, tmp_path: Path) -> None:
    _write_rows(tmp_path / "in.csv")
    values: dict[str, Any] = {
        "source": str(tmp_path / "in.csv"),
        "table": str(tmp_path / "table"),
        "key": "id",
        "label": "mood",
        "columns": {
            "size": {"kind": "numeric"},
            "is_new": {"kind": "boolean"},
            "town": {"kind": "categorical"},
            "seen": {"kind": "datetime"},
            "review": {"kind": "text", "min_count": 2},
        },
    }
    prepared = prepare_table(spark, PrepareTableConfig.model_validate(values))
    stored = prepared.statistics.distributions
    assert stored is not None
    assert load_prepared(spark, str(tmp_path / "table")).statistics.distributions == stored
    assert find_input_baseline(spark, prepared) is stored
    measured = find_input_baseline(spark, _forget(prepared))
    assert (stored.num_rows, measured.num_rows) == (prepared.split_rows["train"],) * 2
    own, found = _by_name(stored.columns), _by_name(measured.columns)
    assert set(own) == {"size", "is_new", "town", "seen", "review.length", "review.unknown_share"} == set(found)
    for name in ("size", "is_new", "town", "seen"):
        unsummed = {"mean", "deviation"}
        assert own[name].model_dump(exclude=unsummed) == found[name].model_dump(exclude=unsummed)
        assert own[name].mean == pytest.approx(found[name].mean)
        assert own[name].deviation == pytest.approx(found[name].deviation)
    for name in ("review.length", "review.unknown_share"):
        assert (own[name].num_rows, own[name].num_nulls) == (found[name].num_rows, found[name].num_nulls)
        assert own[name].mean == pytest.approx(found[name].mean)
        assert (own[name].minimum, own[name].maximum) == (found[name].minimum, found[name].maximum)
    assert own["review.length"].num_nulls > 0
    assert (own["seen"].values, own["seen"].is_complete) == ((), False)


@pytest.mark.matrix
def test_images_keep_how_they_look(spark: SparkSession, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = {
        f"{'ab'[i % 2]}/{i}.png": encode_pixels(rng.integers(0, 256, (9, 8 + i % 3), np.uint8)) for i in range(60)
    }
    images |= {f"b/again{i}.png": images["a/0.png"] for i in range(9)}
    write_files(tmp_path / "in", images)
    values = {"source": str(tmp_path / "in"), "table": str(tmp_path / "out"), "height": 8, "width": 8, "channels": 1}
    prepared = prepare_images(spark, PrepareImagesConfig.model_validate(values))
    stored = prepared.statistics.distributions
    assert stored is not None and load_prepared(spark, str(tmp_path / "out")).statistics.distributions == stored
    measured = find_input_baseline(spark, _forget(prepared))
    assert stored.near_duplicates == measured.near_duplicates
    assert 0.05 < stored.near_duplicates["content"] < 0.2
    own, found = _by_name(stored.columns), _by_name(measured.columns)
    measures = ("brightness", "contrast", "sharpness", "width", "height", "size_bytes", "format")
    assert set(own) == {f"content.{name}" for name in measures} == set(found)
    for name, column in own.items():
        other = found[name]
        assert (column.num_rows, column.num_nulls, column.values) == (other.num_rows, 0, other.values)
        np.testing.assert_allclose(column.edges, other.edges, rtol=1e-12)
        assert column.mean == pytest.approx(other.mean)
    assert own["content.width"].counts == found["content.width"].counts
    assert (own["content.format"].values, own["content.format"].counts) == (("PNG",), (prepared.split_rows["train"], 0))

    write_files(tmp_path / "in", {f"a/new{i}.png": encode_pixels(np.full((9, 9), 250, np.uint8)) for i in range(20)})
    later = prepare_images(spark, PrepareImagesConfig.model_validate(values))
    assert later.statistics.distributions is not None
    after = _by_name(later.statistics.distributions.columns)
    assert after["content.brightness"].num_rows == later.split_rows["train"] > prepared.split_rows["train"]
    assert (after["content.brightness"].maximum or 0) == pytest.approx(250)
    # Stored rows were not decoded again.
    assert after["content.sharpness"] == own["content.sharpness"]
    assert later.statistics.distributions.near_duplicates == stored.near_duplicates


@pytest.mark.matrix
def test_of_images_that_are_encoded_anew_the_files_are_not_compared(spark: SparkSession, tmp_path: Path) -> None:
    images = {f"{'ab'[i % 2]}/{i}.png": encode_pixels(np.full((9, 9), i, np.uint8)) for i in range(30)}
    write_files(tmp_path / "in", images)
    values = {"source": str(tmp_path / "in"), "table": str(tmp_path / "out"), "height": 8, "width": 8, "channels": 1}
    prepared = prepare_images(spark, PrepareImagesConfig.model_validate(values | {"resize": "fill"}))
    assert prepared.statistics.distributions is not None
    measures = {column.measure for column in prepared.statistics.distributions.columns}
    assert measures == {"brightness", "contrast", "sharpness"}

"""Preparing again: nothing, something new, changed, gone or refused; labels, splits and untouched rows stay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import pytest

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.runtime.tables import read_pinned
from tests.image_bytes import encode_pixels, gradient
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM_FILES = 40
# No name that can stand in SQL text as it is.
NEW = "a/it's `new`.png"


def image(number: int) -> bytes:
    return encode_pixels(gradient(8, 8) + number)


def configure(place: Path, **changes: Any) -> PrepareImagesConfig:
    values = {"source": str(place / "in"), "table": str(place / "out"), "height": 8, "width": 8, "channels": 1}
    return PrepareImagesConfig.model_validate({**values, **changes})


def read_rows(prepared: PreparedTable) -> dict[str, dict[str, Any]]:
    table = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version).to_pyarrow_table()
    return {row["key"]: row for row in table.to_pylist()}


def read_rejects(prepared: PreparedTable) -> dict[str, str]:
    assert prepared.rejects is not None
    table = deltalake.DeltaTable(prepared.rejects.path, version=prepared.rejects.version).to_pyarrow_table()
    return {row["key"]: row["reason"] for row in table.to_pylist()}


@pytest.fixture()
def place(tmp_path: Path) -> Path:
    """Two classes and a broken file."""
    files = {f"{'bd'[i % 2]}/{i:02d}.png": image(i) for i in range(NUM_FILES)}
    write_files(tmp_path / "in", files | {"b/broken.png": b"x", "lost.png": image(1)})
    return tmp_path


def test_a_table_follows_its_source(spark: SparkSession, place: Path) -> None:
    first = prepare_images(spark, configure(place))
    before = read_rows(first)
    assert prepare_images(spark, configure(place)) == first
    assert load_prepared(spark, str(place / "out")) == first

    write_files(place / "in", {NEW: image(50), "b/00.png": image(51), "d/late.png": b"", "d/01.png": b"now broken"})
    (place / "in" / "b" / "02.png").unlink()
    (place / "in" / "lost.png").unlink()
    second = prepare_images(spark, configure(place))
    after = read_rows(second)
    assert second.table.version == first.table.version + 1
    assert set(after) == (set(before) - {"d/01.png"}) | {NEW}
    assert after["b/00.png"]["content"] == image(51)
    assert after["b/00.png"]["split"] == before["b/00.png"]["split"]
    assert all(after[key] == row for key, row in before.items() if key not in ("b/00.png", "d/01.png"))
    assert read_rejects(second) == {"b/broken.png": "not_an_image", "d/late.png": "empty", "d/01.png": "not_an_image"}
    assert second.target.label_names == ("b", "d", "a")
    assert after[NEW]["label_index"] == 2
    assert (second.num_rows, second.num_rejects) == (NUM_FILES, 3)
    assert sum(second.split_rows.values()) == len(after)
    assert second.class_rows == {"b": 20, "d": 19, "a": 1}
    assert sum(sum(rows.values()) for rows in second.statistics.class_rows.values()) == NUM_FILES

    third = prepare_images(spark, configure(place, delete_removed=True))
    assert set(read_rows(third)) == set(after) - {"b/02.png"}
    assert prepare_images(spark, configure(place, delete_removed=True)) == third

    (place / "in" / "d" / "late.png").unlink()
    fourth = prepare_images(spark, configure(place))
    assert set(read_rejects(fourth)) == {"b/broken.png", "d/01.png"}
    assert read_rows(fourth) == read_rows(third)
    assert read_pinned(spark, first.table).count() == len(before)
    assert load_prepared(spark, str(place / "out"), first.table.version).num_rejects == 2


@pytest.mark.matrix
def test_other_settings_need_a_refit_and_equal_bytes_are_dropped_where_asked(spark: SparkSession, place: Path) -> None:
    write_files(place / "in", {"b/00 again.png": image(0), "d/00 once more.png": image(0)})
    first = prepare_images(spark, configure(place, duplicates="report"))
    assert first.statistics.num_duplicates == 2
    with pytest.raises(DataError, match="was prepared with height = 8, not 9: set `refit: true`") as raised:
        prepare_images(spark, configure(place, height=9))
    assert len(str(raised.value).splitlines()) == 1
    write_files(place / "in", {"b/another.png": image(60)})
    with pytest.raises(DataError, match=r"max_reject_fraction = 0\.001"):
        prepare_images(spark, configure(place, max_reject_fraction=0.001))
    assert load_prepared(spark, str(place / "out")) == first

    changes: dict[str, Any] = {"height": 9, "resize": "pad", "duplicates": "drop"}
    again = prepare_images(spark, configure(place, refit=True, **changes))
    assert again.inputs.height == 9  # type: ignore[union-attr]
    assert {row["size_bytes"] for row in read_rows(again).values()} >= {len(image(0))}
    assert again.num_rows + again.num_rejects == NUM_FILES + 5
    dropped = {key for key, reason in read_rejects(again).items() if reason == "duplicate_content"}
    assert dropped == {"b/00.png", "d/00 once more.png"}
    write_files(place / "in", {"b/yet another.png": image(3)})
    later = prepare_images(spark, configure(place, **changes))
    assert read_rejects(later)["b/yet another.png"] == "duplicate_content"
    assert read_rows(later) == read_rows(again)


def test_foreign_tables_are_left_alone(spark: SparkSession, place: Path) -> None:
    spark.range(3).write.format("delta").save(str(place / "out"))
    for refit in (False, True):
        with pytest.raises(DataError, match="was not written by prepare"):
            prepare_images(spark, configure(place, refit=refit))
    assert spark.read.format("delta").load(str(place / "out")).count() == 3

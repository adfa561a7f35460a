"""Real image files, broken ones among them, become a pinned Delta table and nothing gets lost."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.contracts import ImageSpec, PreparedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.images.samples import draw_file_samples
from dbx_dl.runtime import progress
from dbx_dl.runtime.tables import has_table
from tests.image_bytes import encode_pixels, gradient
from tests.spark.prepare.sources import BROKEN, NUM_DIGITS, write_digits, write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOOD = encode_pixels(gradient(6, 5))


def configure(source: Path, table: Path | str, **changes: Any) -> PrepareImagesConfig:
    values = {"source": str(source), "table": str(table), "height": 8, "width": 8, "channels": 1}
    return PrepareImagesConfig.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folder with blanks [1]")


@pytest.fixture(scope="module")
def good(folder: Path) -> dict[str, bytes]:
    return write_digits(folder / "digits")


@pytest.fixture(scope="module")
def prepared(spark: SparkSession, folder: Path, good: dict[str, bytes]) -> PreparedTable:
    return prepare_images(spark, configure(folder / "digits", folder / "tables" / "digits"))


def read_rows(table: Any) -> list[dict[str, Any]]:
    delta = deltalake.DeltaTable(table.path, version=table.version)
    return list(delta.to_pyarrow_table().to_pylist())


def test_good_files_are_stored_as_they_are(prepared: PreparedTable, good: dict[str, bytes]) -> None:
    rows = read_rows(prepared.table)
    assert {row["path"]: row["content"] for row in rows} == good
    for row in rows:
        assert row["label"] == row["path"].split("/")[0]
        assert row["label_index"] == prepared.target.label_names.index(row["label"])
        assert row["sha256"] == hashlib.sha256(row["content"]).hexdigest()
        assert row["size_bytes"] == len(row["content"])
        assert (row["height"], row["width"], row["channels"], row["format"]) == (8, 8, 1, "PNG")


def test_broken_files_are_rejected_with_a_reason(prepared: PreparedTable) -> None:
    assert prepared.rejects is not None
    rejects = {row["path"]: row for row in read_rows(prepared.rejects)}
    assert {path: row["reason"] for path, row in rejects.items()} == BROKEN
    assert all(row["detail"] for row in rejects.values())
    assert rejects["1/text.png"]["size_bytes"] == len(b"this is no image")


def test_the_contract_adds_up(prepared: PreparedTable) -> None:
    assert prepared.num_rows + prepared.num_rejects == NUM_DIGITS + len(BROKEN)
    assert sum(prepared.class_rows.values()) == prepared.num_rows == NUM_DIGITS
    assert prepared.reject_reasons == dict.fromkeys(BROKEN.values(), 1)
    assert prepared.target.label_names == tuple("0123456789") == tuple(prepared.class_rows)
    assert prepared.inputs == ImageSpec(height=8, width=8, channels=1, min_side=2)
    assert all(prepared.split_rows.values())
    counts = dict.fromkeys(prepared.split_rows, 0)
    for row in read_rows(prepared.table):
        counts[row["split"]] += 1
    assert counts == prepared.split_rows


def test_any_delta_reader_opens_it_in_key_order(prepared: PreparedTable) -> None:
    table = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version)
    protocol = table.protocol()
    assert (protocol.min_reader_version, protocol.reader_features) == (1, None)
    assert table.metadata().partition_columns == ["split"]
    for name in ("", "_rejects", "_meta"):
        properties = deltalake.DeltaTable(prepared.table.path + name).metadata().configuration
        assert properties["delta.enableDeletionVectors"] == "false"
        assert properties["delta.deletedFileRetentionDuration"] == "interval 30 days"
    files = pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist()
    assert len(files) == 3
    for file in files:
        keys = pq.ParquetFile(Path(prepared.table.path) / file).read(["key"]).column("key").to_pylist()
        assert keys == sorted(keys)


def test_samples_are_drawn_the_same_every_time(spark: SparkSession, prepared: PreparedTable, tmp_path: Path) -> None:
    drawn = [draw_file_samples(spark, prepared, tmp_path / name).read_bytes() for name in ("one.png", "two/two.png")]
    assert drawn[0] == drawn[1]
    assert Image.open(io.BytesIO(drawn[0])).width > 200


def test_named_tables_nested_files_and_odd_labels(spark: SparkSession, tmp_path: Path) -> None:
    files = {f"{label}/deep/{i}.png": GOOD for label in ("a=1 b", "ö") for i in range(12)}
    write_files(tmp_path, {**files, ".hidden/x.png": GOOD, "_seen_not/x.png": GOOD})
    spark.sql("CREATE DATABASE IF NOT EXISTS prepare_tests")
    split = {"train": 0.8, "validation": 0.0, "test": 0.2}
    prepared = prepare_images(spark, configure(tmp_path, "prepare_tests.images", split=split))
    assert prepared.class_rows == {"a=1 b": 12, "ö": 12}
    assert prepared.split_rows["validation"] == 0
    assert (prepared.num_rejects, prepared.reject_reasons) == (0, {})
    assert has_table(spark, "prepare_tests.images_rejects")
    assert deltalake.DeltaTable(prepared.table.path, version=prepared.table.version).version() == 0
    spark.sql("DROP DATABASE prepare_tests CASCADE")


def test_progress_is_told(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sixteen tasks on two cores, so that there is something between nothing and everything.
    write_files(tmp_path / "in", {f"{label}/{i}.png": GOOD for label in "ab" for i in range(500)} | {"a/x.png": b""})
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.01)
    with caplog.at_level(logging.INFO, "dbx_dl"):
        prepare_images(spark, configure(tmp_path / "in", tmp_path / "out"))
    text = "\n".join(caplog.messages)
    for part in ("found 1001 files", "1000 files are usable, 1 rejected: 1 empty (e.g. a/x.png)"):
        assert part in text
    assert f"wrote table {tmp_path / 'out'}, version 0" in text
    told = [message for message in caplog.messages if message.startswith("checked about ")]
    assert told and all(message.endswith(" of 1,001 images") for message in told)


SOURCES: dict[str, tuple[dict[str, bytes], dict[str, Any], str]] = {
    "empty folder": ({}, {}, "holds no files"),
    "no class folders": ({"a.png": GOOD, "b.png": GOOD}, {}, "no image of .* has a label"),
    "one class": ({"a/1.png": GOOD, "a/2.png": GOOD}, {}, "the one label 'a'"),
    "one usable class": ({"a/1.png": GOOD, "a/2.png": GOOD, "b/1.png": b"x"}, {}, "the one label 'a'"),
    "nothing usable": ({"a/1.png": b"", "b/1.png": b"x"}, {}, "none of the 2 files is usable: 1 empty .e.g. a/1.png."),
    "too many rejects": (
        {"a/1.png": GOOD, "b/1.png": GOOD, "b/2.png": b""},
        {"max_reject_fraction": 0.3},
        "1 of 3 files are unusable, more than max_reject_fraction = 0.3",
    ),
    "no train rows": (
        {"a/1.png": GOOD, "b/2.png": GOOD},
        {"split": {"train": 0.001, "validation": 0.0, "test": 0.999}},
        "falls into the train split",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_unusable_sources_leave_nothing_behind(spark: SparkSession, tmp_path: Path, name: str) -> None:
    files, changes, message = SOURCES[name]
    (tmp_path / "in").mkdir()
    write_files(tmp_path / "in", files)
    with pytest.raises(DataError, match=message) as raised:
        prepare_images(spark, configure(tmp_path / "in", tmp_path / "out", **changes))
    assert len(str(raised.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_sources_and_tables_that_cannot_be(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path, {"in/a/1.png": GOOD, "in/b/1.png": GOOD, "taken/file.txt": b"x"})
    with pytest.raises(DataError, match=r"image folder .*/nowhere does not exist"):
        prepare_images(spark, configure(tmp_path / "nowhere", tmp_path / "out"))
    with pytest.raises(DataError, match="is a file: give a folder"):
        prepare_images(spark, configure(tmp_path / "in" / "a" / "1.png", tmp_path / "out"))
    with pytest.raises(DataError, match="taken exists and is not a Delta table"):
        prepare_images(spark, configure(tmp_path / "in", tmp_path / "taken"))
    with pytest.raises(ConfigError, match="is not a table"):
        prepare_images(spark, configure(tmp_path / "in", "a.b.c.d"))
    with pytest.raises(DataError, match="SCHEMA_NOT_FOUND"):
        prepare_images(
            spark, configure(tmp_path / "in", "nowhere.images", split={"train": 0.999, "test": 0.001, "validation": 0})
        )

"""A stream takes in new files once, batch by batch, and leaves the table that prepare would have made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import pyarrow as pa
import pytest

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.images.stream import stream_images
from dbx_dl.runtime.file_streams import await_stream
from tests.image_bytes import encode_pixels, gradient
from tests.ranks.observing import wait_until
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def configure(place: Path, **changes: Any) -> PrepareImagesConfig:
    values = {"source": str(place / "in [1]"), "table": str(place / "out"), "height": 8, "width": 8, "channels": 1}
    return PrepareImagesConfig.model_validate({**values, **changes})


def write_images(place: Path, first: int, last: int) -> None:
    files = {f"{'ab'[i % 2]}/{i:02d} ä.png": encode_pixels(gradient(8, 8) + i) for i in range(first, last)}
    write_files(place / "in [1]", {f"a/broken {first}.png": b"x"} | files)


def take_in(spark: SparkSession, place: Path, **changes: Any) -> None:
    await_stream(stream_images(spark, configure(place, **changes), checkpoint=str(place / "checkpoint")))


def test_new_files_are_taken_in_once(spark: SparkSession, tmp_path: Path) -> None:
    write_images(tmp_path, 0, 20)
    take_in(spark, tmp_path)
    first = load_prepared(spark, str(tmp_path / "out"))
    assert (first.num_rows, first.num_rejects) == (20, 1)
    take_in(spark, tmp_path)
    assert load_prepared(spark, str(tmp_path / "out")) == first
    second = take_in_as_they_come(spark, tmp_path)
    assert (second.num_rows, second.num_rejects) == (30, 2)
    keys = deltalake.DeltaTable(second.table.path).to_pyarrow_table().column("key").to_pylist()
    assert sorted(keys) == [f"{'ab'[i % 2]}/{i:02d} ä.png" for i in sorted(range(30), key=lambda i: ("ab"[i % 2], i))]
    assert prepare_images(spark, configure(tmp_path)) == second


def count_rows(place: Path) -> int:
    """By the table's log alone, since it is asked again and again."""
    actions = pa.table(deltalake.DeltaTable(str(place / "out")).get_add_actions(flatten=True))
    return int(sum(actions.column("num_records").to_pylist()))


def take_in_as_they_come(spark: SparkSession, place: Path) -> PreparedTable:
    """Files that arrive while a query looks again every second."""
    checkpoint = str(place / "checkpoint")
    query = stream_images(spark, configure(place), checkpoint=checkpoint, interval_seconds=1)
    try:
        write_images(place, 20, 30)
        wait_until(lambda: count_rows(place) == 30 or not query.isActive)
        assert query.isActive
    finally:
        query.stop()
    return load_prepared(spark, str(place / "out"))


def test_a_batch_that_cannot_be_used_ends_the_stream(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path / "in [1]", {"a/1.png": encode_pixels(gradient(8, 8)), "a/2.png": b"x"})
    with pytest.raises(DataError, match="the one label 'a'") as raised:
        take_in(spark, tmp_path)
    assert len(str(raised.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_streamed_is_said(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "in [1]").mkdir()
    with pytest.raises(ConfigError, match="source format table cannot be streamed"):
        take_in(spark, tmp_path, source={"format": "table", "table": "t"})
    with pytest.raises(ConfigError, match="refit cannot be streamed"):
        take_in(spark, tmp_path, refit=True)

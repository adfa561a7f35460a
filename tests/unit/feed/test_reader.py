"""Batches and rows of real Delta tables: complete, padded, in order, within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import Batch, PreparedTable, Split
from dbx_dl.errors import ConfigError, DataError, VersionGoneError
from dbx_dl.feed.reader import Feed, open_feed
from dbx_dl.feed.rows import read_keys, read_rows
from tests.prepared_tables import IMAGES, describe, draw_image, write_feature_table, write_image_table


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    folder = tmp_path_factory.mktemp("features")
    return write_feature_table(folder, {"train": 101, "test": 37}, rows_per_file=40, rows_per_group=7)


def feed_of(
    prepared: PreparedTable, split: Split, rank: int = 0, num_ranks: int = 1, batch_size: int = 8, **config: Any
) -> Feed:
    settings = FeedConfig(**{"shuffle_window_rows": 16, **config})
    return open_feed(
        prepared, split, batch_size=batch_size, rank=rank, num_ranks=num_ranks, seed=3, config=settings, num_threads=2
    )


def keys_of(batches: list[Batch]) -> list[str]:
    return [key for batch in batches for key in batch.keys if key]


@pytest.mark.parametrize("num_ranks", [1, 2, 3])
def test_ranks_read_every_row_once_in_equal_steps(features: PreparedTable, num_ranks: int) -> None:
    feeds = [feed_of(features, "train", rank, num_ranks) for rank in range(num_ranks)]
    for epoch in (1, None):
        batches = [list(feed.batches(epoch)) for feed in feeds]
        assert {len(mine) for mine in batches} == {feeds[0].num_steps}
        read = [key for mine in batches for key in keys_of(mine)]
        assert sorted(read) == [f"train-{row:05d}" for row in range(101)]
        assert all(batch.inputs.shape == (8, 5) for mine in batches for batch in mine)


def test_keys_inputs_and_labels_belong_together(features: PreparedTable) -> None:
    rows = {row["key"]: row for row in read_rows(features, "train").to_pylist()}
    for batch in feed_of(features, "train").batches(1):
        for key, vector, label, weight in zip(batch.keys, batch.inputs, batch.labels, batch.weights, strict=True):
            if not key:
                assert weight == 0
                assert label == 0
                assert not vector.any()
                continue
            row = rows[key]
            assert weight == 1
            assert label == row["label_index"]
            np.testing.assert_allclose(vector[:2], [row["x"], row["y"]], rtol=1e-6)
            assert vector[2:].tolist() == [row["colour"] is None, row["colour"] == "blue", row["colour"] == "red"]


def test_without_an_epoch_rows_come_in_stored_order_over_the_ranks(features: PreparedTable) -> None:
    feeds = [feed_of(features, "test", rank, 3) for rank in range(3)]
    read = [key for feed in feeds for key in keys_of(list(feed.batches(None)))]
    assert read == read_keys(features, "test") == sorted(read)


def test_epochs_differ_and_repeat(features: PreparedTable) -> None:
    feed = feed_of(features, "train")
    first, second = keys_of(list(feed.batches(1))), keys_of(list(feed.batches(2)))
    assert first != second
    assert keys_of(list(feed_of(features, "train").batches(1))) == first


def test_a_tiny_cache_gives_the_same_batches(features: PreparedTable) -> None:
    spacious = keys_of(list(feed_of(features, "train").batches(1)))
    assert keys_of(list(feed_of(features, "train", max_memory_bytes=1).batches(1))) == spacious


def test_fewer_rows_than_ranks_and_an_empty_split(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 2})
    batches = [list(feed_of(prepared, "train", rank, 5).batches(1)) for rank in range(5)]
    assert [len(mine) for mine in batches] == [1] * 5
    assert sum(float(batch.weights.sum()) for mine in batches for batch in mine) == 2
    empty = feed_of(prepared, "test")
    assert (empty.num_rows, empty.num_steps, list(empty.batches(None))) == (0, 0, [])
    assert read_rows(prepared, "test").num_rows == 0


@pytest.mark.parametrize("num_threads", [1, 2])
def test_images_are_decoded_to_pixels(tmp_path: Path, num_threads: int) -> None:
    prepared = write_image_table(tmp_path, {"train": 50}, rows_per_group=20)
    feed = feed_of(prepared, "train", num_threads=num_threads, batch_size=16)
    seen = 0
    for batch in feed.batches(1):
        assert batch.inputs.dtype == np.uint8
        for key, pixels, label in zip(batch.keys, batch.inputs, batch.labels, strict=True):
            if key:
                row = int(Path(key).stem)
                np.testing.assert_array_equal(pixels[..., 0], draw_image(row, int(label)))
                seen += 1
    assert seen == 50


def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    columns = {
        "path": ["a/broken.png"],
        "content": pa.array([b"no image"], pa.binary()),
        "label_index": pa.array([0], pa.int32()),
        "split": ["train"],
    }
    write_deltalake(tmp_path, pa.table(columns), partition_by=["split"])
    prepared = describe(tmp_path, 0, {"train": 1}, IMAGES, ("dark", "bright"), key_column="path")
    with pytest.raises(DataError, match=r"a/broken\.png"):
        list(feed_of(prepared, "train").batches(1))


def test_rows_by_limit_and_by_key_are_in_key_order(features: PreparedTable) -> None:
    assert read_rows(features, "train", limit=9).column("key").to_pylist() == [f"train-{n:05d}" for n in range(9)]
    chosen = read_rows(features, "train", keys=["train-00099", "train-00003", "train-00050"])
    assert chosen.column("key").to_pylist() == ["train-00003", "train-00050", "train-00099"]
    assert chosen.column_names == ["key", "x", "y", "colour", "label_index"]


def test_a_file_that_vanishes_while_reading_is_named(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 20})
    feed = feed_of(prepared, "train")
    for path in tmp_path.glob("split=train/*.parquet"):
        path.unlink()
    with pytest.raises(VersionGoneError, match="vacuumed"):
        list(feed.batches(1))


def test_an_impossible_share_is_refused(features: PreparedTable) -> None:
    with pytest.raises(ConfigError, match="rank 2 of 2"):
        feed_of(features, "train", 2, 2)

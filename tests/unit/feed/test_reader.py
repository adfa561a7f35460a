"""Batches and rows of real Delta tables: complete, padded, in order, within bounds."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import Batch, ImageSpec, PreparedTable, Split
from dbx_dl.errors import ConfigError, VersionGoneError
from dbx_dl.feed import blocks, decoding
from dbx_dl.feed.reader import Feed, open_feed
from dbx_dl.feed.rows import read_keys, read_rows
from tests.prepared_tables import draw_image, write_feature_table, write_image_table


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    folder = tmp_path_factory.mktemp("features")
    return write_feature_table(folder, {"train": 101, "test": 37}, rows_per_file=40, rows_per_group=7)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], PreparedTable]:
    """Tables by number of rows and of rows per group, written once each; one without rows has other splits only."""
    folder = tmp_path_factory.mktemp("tables")

    @cache
    def write(num_rows: int, group_rows: int) -> PreparedTable:
        place = folder / f"{num_rows}_{group_rows}"
        return write_feature_table(place, {"train": num_rows, "test": 1}, rows_per_group=group_rows)

    return write


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


@pytest.mark.parametrize("epoch", [None, 1])
@pytest.mark.parametrize("first_step", [0, 1, 5, 12, 13, 40])
def test_a_pass_can_begin_at_any_step(features: PreparedTable, epoch: int | None, first_step: int) -> None:
    whole = list(feed_of(features, "train").batches(epoch))
    rest = list(feed_of(features, "train").batches(epoch, first_step))
    assert len(rest) == max(0, len(whole) - first_step)
    for mine, theirs in zip(rest, whole[first_step:], strict=True):
        assert mine.keys == theirs.keys
        np.testing.assert_array_equal(mine.inputs, theirs.inputs)
        np.testing.assert_array_equal(mine.labels, theirs.labels)


def test_what_is_before_the_first_step_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = write_feature_table(tmp_path, {"train": 80}, rows_per_group=10)
    read: list[int] = []
    plain = blocks.read_block
    monkeypatch.setattr(blocks, "read_block", lambda block, names: read.append(block.row_group) or plain(block, names))
    assert len(list(feed_of(prepared, "train", batch_size=10).batches(None, 6))) == 2
    assert sorted(read) == [6, 7]


@pytest.mark.parametrize("num_ranks", [1, 3])
def test_the_tail_can_be_dropped_in_training_only(features: PreparedTable, num_ranks: int) -> None:
    feeds = [feed_of(features, "train", rank, num_ranks, drop_last=True) for rank in range(num_ranks)]
    num_steps = 101 // (8 * num_ranks)
    batches = [batch for feed in feeds for batch in feed.batches(1)]
    assert [feed.num_steps for feed in feeds] == [num_steps] * num_ranks
    assert len(batches) == num_steps * num_ranks
    assert all(batch.is_row.all() for batch in batches)
    assert len(set(keys_of(batches))) == len(keys_of(batches)) == num_steps * 8 * num_ranks
    assert len([key for feed in feeds for key in keys_of(list(feed.batches(None)))]) == 101
    with pytest.raises(ConfigError, match="drop_last leaves nothing of 101 rows: a step takes 204"):
        feed_of(features, "train", batch_size=102, num_ranks=2, drop_last=True)


def test_global_batches_are_the_same_on_1_2_4_and_8_ranks(features: PreparedTable) -> None:
    def read(num_ranks: int) -> list[list[str]]:
        feeds = [feed_of(features, "train", rank, num_ranks, batch_size=16 // num_ranks) for rank in range(num_ranks)]
        steps = zip(*(feed.batches(2) for feed in feeds), strict=True)
        return [sorted(keys_of(list(batches))) for batches in steps]

    alone = read(1)
    assert len(alone) == 7
    assert read(2) == read(4) == read(8) == alone


def test_the_order_is_the_one_that_it_has_always_been(features: PreparedTable) -> None:
    """A digest of keys in order; training runs are compared over versions, so it must not change."""
    keys = [key for rank in range(2) for batch in feed_of(features, "train", rank, 2).batches(3) for key in batch.keys]
    assert hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16] == "36fb75ad90cc8b73"


@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize("max_bytes", [2**20, 5 * 30, 1])
def test_cached_rows_are_the_same_rows_and_are_not_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, max_bytes: int
) -> None:
    prepared = write_image_table(tmp_path / "t", {"train": 50}, rows_per_group=20)
    num_decoded = 0
    plain = decoding.decode_file

    def count(data: bytes, spec: ImageSpec, out: np.ndarray) -> np.ndarray:
        nonlocal num_decoded
        num_decoded += 1
        return plain(data, spec, out)

    monkeypatch.setattr(decoding, "decode_file", count)
    (tmp_path / "cache").mkdir()
    cache = {"where": where, "max_bytes": max_bytes, "directory": str(tmp_path / "cache")}
    feed, other = (feed_of(prepared, "train", batch_size=16, num_threads=1, cache=c) for c in (cache, {}))
    for epoch in (1, 2, None):
        for mine, theirs in zip(feed.batches(epoch), other.batches(epoch), strict=True):
            assert mine.keys == theirs.keys
            np.testing.assert_array_equal(mine.inputs, theirs.inputs)
    num_kept = min(50, max_bytes // 30)
    assert num_decoded == 150 + 50 + 2 * (50 - num_kept)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_disk_without_room_is_said(features: PreparedTable) -> None:
    with pytest.raises(ConfigError, match=r"feed\.cache\.directory /no/such cannot be written"):
        feed_of(features, "train", cache={"where": "disk", "directory": "/no/such"})


def test_a_pass_that_is_left_early_ends_its_threads(features: PreparedTable) -> None:
    batches = feed_of(features, "train").batches(1)
    next(batches)
    assert any(thread.name.startswith("read-ahead") for thread in threading.enumerate())
    batches.close()  # type: ignore[attr-defined]
    assert not any(thread.name.startswith("read-ahead") for thread in threading.enumerate())


def test_every_iteration_over_epochs_is_the_next_epoch(features: PreparedTable) -> None:
    feed = feed_of(features, "train")
    epochs = feed.epochs()
    assert len(epochs) == feed.num_steps == 13
    for epoch in (1, 2):
        assert keys_of(list(epochs)) == keys_of(list(feed.batches(epoch)))
    assert feed.signature == {"input_shape": (5,), "input_dtype": "float32", "label_shape": (), "label_dtype": "int64"}


def test_row_groups_that_do_not_fit_together_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prepared = write_feature_table(tmp_path, {"train": 640}, rows_per_group=10)
    feed_of(prepared, "train", max_memory_bytes=2**20)
    feed_of(prepared, "train", max_memory_bytes=10_000, cache={"where": "memory"})
    feed_of(prepared, "train", rank=0, num_ranks=64, max_memory_bytes=10_000)
    assert not caplog.records
    feed_of(prepared, "train", max_memory_bytes=10_000)
    assert "64 row groups" in caplog.text and "feed.cache.where" in caplog.text


@pytest.mark.parametrize(("batch_size", "memory"), [(1, 2**20), (32, 1), (32, 10_000), (7, 2**30), (5000, 2**29)])
def test_reading_ahead_is_bounded_in_bytes(features: PreparedTable, batch_size: int, memory: int) -> None:
    feed = feed_of(features, "train", batch_size=batch_size, max_memory_bytes=memory, num_threads=4)
    ahead = feed.ahead
    least = 2 * batch_size * (5 * 4 + 8 + 9)
    assert ahead.num_bytes <= max(memory / 4, least)
    assert 1 <= ahead.num_threads <= ahead.num_groups <= 5
    assert ahead.max_steps >= 1


@settings(max_examples=25)
@given(
    num_rows=st.integers(0, 60),
    group_rows=st.integers(1, 60),
    num_ranks=st.integers(1, 9),
    batch_size=st.integers(1, 20),
    window_rows=st.integers(1, 70),
    memory=st.sampled_from([1, 3000, 2**29]),
)
def test_any_table_is_read_completely_by_any_ranks(
    tables: Callable[[int, int], PreparedTable],
    num_rows: int,
    group_rows: int,
    num_ranks: int,
    batch_size: int,
    window_rows: int,
    memory: int,
) -> None:
    prepared = tables(num_rows, group_rows)
    sizes = {"batch_size": batch_size, "shuffle_window_rows": window_rows, "max_memory_bytes": memory}
    feeds = [feed_of(prepared, "train", rank, num_ranks, **sizes) for rank in range(num_ranks)]
    for epoch in (1, None):
        by_rank = [list(feed.batches(epoch)) for feed in feeds]
        assert {len(batches) for batches in by_rank} == {-(-num_rows // (num_ranks * batch_size))}
        read = [key for batches in by_rank for key in keys_of(batches)]
        assert sorted(read) == [f"train-{row:05d}" for row in range(num_rows)]
        assert sum(int(batch.is_row.sum()) for batches in by_rank for batch in batches) == num_rows


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
    with pytest.raises(ConfigError, match="there is no split 'tst': choose one of train, validation, test"):
        open_feed(features, "tst", batch_size=4)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rank 2 of 2"):
        feed_of(features, "train", 2, 2)

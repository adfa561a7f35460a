"""Buckets by length: the same rows for any number of ranks, each once, in steps of like lengths."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import Batch, PreparedTable
from dbx_dl.feed.length_buckets import LengthBuckets
from dbx_dl.feed.reader import open_feed
from dbx_dl.feed.shards import PADDING, Share, count_lanes, start_lanes, training_rows
from dbx_dl.feed.shuffle import order_lanes
from dbx_dl.feed.trimming import count_used_steps
from tests.prepared_tables import write_text_table


def find_steps(num_rows: int, num_ranks: int, batch_size: int, num_steps: int, epoch: int = 1) -> list[list[int]]:
    """The global batches, rows in order; a row's length is drawn from its place."""
    lengths = np.random.default_rng(num_rows).integers(1, 100, num_rows)
    starts = start_lanes(num_rows, order_lanes(count_lanes(num_ranks), seed=3, epoch=epoch))
    found: list[list[int]] = []
    for rank in range(num_ranks):
        share = Share(num_rows, rank, num_ranks, batch_size)
        buckets = LengthBuckets(share, starts, num_steps, lengths.__getitem__, seed=3, epoch=epoch)
        rows_sb = buckets.find_rows(np.arange(share.num_steps))
        assert rows_sb.shape == (share.num_steps, batch_size)
        found = [*found, *([] for _ in range(share.num_steps - len(found)))]
        for step, rows in enumerate(rows_sb.tolist()):
            found[step] += rows
    return [sorted(rows) for rows in found]


@given(
    num_rows=st.integers(1, 700),
    ranks=st.sampled_from([(1, 2), (2, 4), (1, 8)]),
    size=st.sampled_from([8, 24, 64, 136]),
    num_steps=st.integers(2, 40),
)
def test_global_batches_do_not_depend_on_ranks_and_hold_each_row_once(
    num_rows: int, ranks: tuple[int, int], size: int, num_steps: int
) -> None:
    one, other = (find_steps(num_rows, each, size // each, num_steps) for each in ranks)
    assert one == other
    rows = [row for step in one for row in step if row != PADDING]
    assert sorted(rows) == list(range(num_rows))
    # Padding is in the last step alone.
    assert all(PADDING not in step for step in one[:-1])


def test_any_first_step_goes_on_as_the_whole_epoch_does() -> None:
    share, starts = Share(900, 1, 2, 16), start_lanes(900, order_lanes(64, seed=1, epoch=2))
    lengths = np.arange(900) % 37

    def open_buckets() -> LengthBuckets:
        return LengthBuckets(share, starts, 7, lengths.__getitem__, seed=1, epoch=2)

    whole = open_buckets().find_rows(np.arange(share.num_steps))
    for first in range(share.num_steps):
        np.testing.assert_array_equal(open_buckets().find_rows(np.arange(first, share.num_steps)), whole[first:])


def test_epochs_differ_and_the_last_step_keeps_its_rows() -> None:
    first, second = (find_steps(1000, 2, 32, 8, epoch) for epoch in (1, 2))
    assert first != second
    share = Share(1000, 0, 2, 32)
    starts = start_lanes(1000, order_lanes(64, seed=3, epoch=1))
    plain = {int(row) for rank in (0, 1) for row in training_rows(Share(1000, rank, 2, 32), starts, 15)}
    assert share.num_steps == 16 and set(first[15]) == plain


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    folder: Path = tmp_path_factory.mktemp("texts")
    return write_text_table(folder, {"train": 3000}, rows_per_file=900, rows_per_group=200)


def read(texts: PreparedTable, rank: int = 0, num_ranks: int = 1, **config: Any) -> list[Batch]:
    settings = FeedConfig(shuffle_window_rows=500, **config)
    size = 64 // num_ranks
    feed = open_feed(texts, "train", batch_size=size, rank=rank, num_ranks=num_ranks, seed=2, config=settings)
    return list(feed.batches(1))


def count_ids(batches: list[Batch]) -> int:
    return sum(batch.inputs.size for batch in batches)


def test_batches_of_texts_hold_less_padding(texts: PreparedTable) -> None:
    plain, bucketed = read(texts, length_bucket_steps=1), read(texts)
    assert Counter(key for batch in plain for key in batch.keys) == Counter(
        key for batch in bucketed for key in batch.keys
    )
    before, after = count_ids(plain), count_ids(bucketed)
    assert after < 0.6 * before, f"{after} ids, padding included, without buckets {before}"
    # Steps are not sorted from short to long.
    widths = [batch.inputs.shape[1] for batch in bucketed[:-1]]
    assert len(set(widths)) > 1 and widths != sorted(widths) and widths != sorted(widths, reverse=True)


@pytest.mark.parametrize("config", [{"num_threads": 3}, {"max_memory_bytes": 1}, {"cache": {"where": "memory"}}])
def test_memory_and_threads_do_not_change_them(texts: PreparedTable, config: dict[str, Any]) -> None:
    expected, found = read(texts, num_threads=1), read(texts, **config)
    for one, other in zip(expected, found, strict=True):
        assert list(one.keys) == list(other.keys)
        np.testing.assert_array_equal(one.inputs, other.inputs)


def test_two_ranks_read_what_one_reads(texts: PreparedTable) -> None:
    one = [Counter(batch.keys) for batch in read(texts)]
    two = [Counter(a.keys) + Counter(b.keys) for a, b in zip(read(texts, 0, 2), read(texts, 1, 2), strict=True)]
    assert one == two


def test_a_row_needs_steps_up_to_its_last_number() -> None:
    ids = np.array([[0, 0, 0], [1, 0, 0], [0, 5, 0], [1, 2, 3]])
    assert count_used_steps(ids).tolist() == [0, 1, 2, 3]
    assert count_used_steps(np.stack([ids, np.zeros_like(ids)], axis=2)).tolist() == [0, 1, 2, 3]

"""The order of an epoch is a seeded permutation that stays inside its windows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.feed import shuffle
from dbx_dl.feed.shards import PADDING, Share, count_lanes, start_lanes, training_rows
from dbx_dl.feed.shuffle import RowOrder, order_lanes

BLOCKS = st.lists(st.integers(0, 50), max_size=12)


def locate_all(blocks: list[int], seed: int, epoch: int | None, window_rows: int) -> list[tuple[int, int]]:
    order = RowOrder(blocks, seed=seed, epoch=epoch, window_rows=window_rows)
    numbers, rows = order.locate(np.arange(order.num_rows))
    return list(zip(numbers.tolist(), rows.tolist(), strict=True))


@given(BLOCKS, st.integers(0, 2**63), st.one_of(st.none(), st.integers(0, 9)), st.integers(1, 60))
def test_every_row_has_exactly_one_place(blocks: list[int], seed: int, epoch: int | None, window_rows: int) -> None:
    expected = [(number, row) for number, rows in enumerate(blocks) for row in range(rows)]
    assert sorted(locate_all(blocks, seed, epoch, window_rows)) == expected


@given(BLOCKS, st.integers(1, 60))
def test_without_an_epoch_rows_keep_their_stored_order(blocks: list[int], window_rows: int) -> None:
    places = locate_all(blocks, 1, None, window_rows)
    assert places == sorted(places)


@given(BLOCKS, st.integers(1, 60))
def test_a_place_is_found_alone_as_in_a_batch(blocks: list[int], window_rows: int) -> None:
    order = RowOrder(blocks, seed=5, epoch=2, window_rows=window_rows, num_cached=1)
    alone = [order.locate(np.array([place])) for place in range(order.num_rows)]
    pairs = [(int(number[0]), int(row[0])) for number, row in alone]
    assert pairs == locate_all(blocks, 5, 2, window_rows)


def test_large_windows_are_looked_up_one_by_one_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    together = locate_all([30, 40, 5], 5, 2, 9)
    monkeypatch.setattr(shuffle, "_ROWS_AT_ONCE", 0)
    assert locate_all([30, 40, 5], 5, 2, 9) == together


def test_same_seed_and_epoch_same_order_others_differ() -> None:
    first = locate_all([300], seed=1, epoch=1, window_rows=100)
    assert first == locate_all([300], seed=1, epoch=1, window_rows=100)
    assert first != locate_all([300], seed=2, epoch=1, window_rows=100)
    assert first != locate_all([300], seed=1, epoch=2, window_rows=100)


def test_rows_stay_inside_their_window() -> None:
    rows = np.array([row for _, row in locate_all([1000], seed=1, epoch=1, window_rows=100)])
    assert (rows // 100 == np.arange(1000) // 100).all()
    assert not np.array_equal(rows, np.arange(1000))


def test_a_table_smaller_than_the_window_is_shuffled_over_all_its_blocks() -> None:
    numbers = [number for number, _ in locate_all([50] * 8, seed=1, epoch=1, window_rows=4096)]
    assert len(set(numbers[:50])) == 8


def test_lanes_are_permuted_by_epoch() -> None:
    assert sorted(order_lanes(64, seed=1, epoch=1).tolist()) == list(range(64))
    assert order_lanes(64, seed=1, epoch=1).tolist() != order_lanes(64, seed=1, epoch=2).tolist()


def test_a_rank_of_1024_orders_a_billion_rows_without_listing_them() -> None:
    blocks = np.full(8000, 125_000)
    share = Share(10**9, 511, 1024, 64)
    tracemalloc.start()
    order = RowOrder(blocks, seed=1, epoch=3, window_rows=4096)
    starts = start_lanes(share.num_rows, order_lanes(count_lanes(1024), seed=1, epoch=3))
    last = np.arange(share.num_steps - 3, share.num_steps)[:, np.newaxis]
    for steps in (np.arange(16)[:, np.newaxis], np.arange(9000, 9016)[:, np.newaxis], last):
        places = training_rows(share, starts, steps)
        numbers, rows = order.locate(places[places != PADDING])
        assert rows.min() >= 0 and rows.max() < 125_000
        assert 0 <= numbers.min() <= numbers.max() < 8000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20

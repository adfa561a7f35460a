"""The plan: every row once, equal steps, the same global batches on every number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.feed.shards import (
    PADDING,
    Share,
    count_lanes,
    evaluation_rows,
    start_lanes,
    training_rows,
)
from dbx_dl.feed.shuffle import order_lanes

ROWS = st.integers(0, 700)
RANKS = st.integers(1, 70)
BATCH = st.integers(1, 40)


def lanes_for(num_rows: int, num_ranks: int, seed: int = 3) -> np.ndarray:
    return start_lanes(num_rows, order_lanes(count_lanes(num_ranks), seed=seed, epoch=1))


def all_steps(num_rows: int, num_ranks: int, batch_size: int) -> list[list[np.ndarray]]:
    """Rows by step, then by rank."""
    starts = lanes_for(num_rows, num_ranks)
    shares = [Share(num_rows, rank, num_ranks, batch_size) for rank in range(num_ranks)]
    return [[training_rows(share, starts, step) for share in shares] for step in range(shares[0].num_steps)]


@given(ROWS, RANKS, BATCH)
def test_each_row_is_read_by_exactly_one_rank_once(num_rows: int, num_ranks: int, batch_size: int) -> None:
    steps = all_steps(num_rows, num_ranks, batch_size)
    read = [row for step in steps for rows in step for row in rows.tolist() if row != PADDING]
    assert sorted(read) == list(range(num_rows))
    assert len(steps) == -(-num_rows // (num_ranks * batch_size))


@given(ROWS, RANKS, BATCH)
def test_only_the_last_step_is_padded_and_every_batch_has_its_size(
    num_rows: int, num_ranks: int, batch_size: int
) -> None:
    steps = all_steps(num_rows, num_ranks, batch_size)
    for number, step in enumerate(steps):
        assert all(len(rows) == batch_size for rows in step)
        if number < len(steps) - 1:
            assert all((rows != PADDING).all() for rows in step)


@given(ROWS, st.sampled_from([2, 4, 8, 16, 32, 64]), BATCH)
def test_global_batches_do_not_depend_on_the_number_of_ranks(num_rows: int, num_ranks: int, batch_size: int) -> None:
    def global_batches(ranks: int) -> list[set[int]]:
        steps = all_steps(num_rows, ranks, num_ranks * batch_size // ranks)
        return [set(np.concatenate(step).tolist()) - {PADDING} for step in steps]

    assert global_batches(num_ranks) == global_batches(1)


@given(ROWS, RANKS, BATCH)
def test_a_rank_reads_only_its_own_lanes(num_rows: int, num_ranks: int, batch_size: int) -> None:
    starts = lanes_for(num_rows, num_ranks)
    ends = np.sort(starts)
    for rank in range(num_ranks):
        share = Share(num_rows, rank, num_ranks, batch_size)
        for step in range(share.num_steps):
            rows = training_rows(share, starts, step)
            # Empty lanes share their start with the next one, so a row belongs to the last lane at or before it.
            begun = ends[np.searchsorted(ends, rows[rows != PADDING], side="right") - 1]
            owners = [
                max(lane for lane in np.flatnonzero(starts == start) if has_rows(lane, num_rows, len(starts)))
                for start in begun
            ]
            assert all(lane % num_ranks == rank for lane in owners)


def has_rows(lane: int, num_rows: int, num_lanes: int) -> bool:
    return num_rows // num_lanes + (lane < num_rows % num_lanes) > 0


@given(ROWS, RANKS, BATCH)
def test_evaluation_is_the_stored_order_in_rank_order(num_rows: int, num_ranks: int, batch_size: int) -> None:
    shares = [Share(num_rows, rank, num_ranks, batch_size) for rank in range(num_ranks)]
    by_rank = [[evaluation_rows(share, step) for step in range(share.num_steps)] for share in shares]
    read = [row for steps in by_rank for rows in steps for row in rows.tolist() if row != PADDING]
    assert read == list(range(num_rows))
    assert all((rows != PADDING).all() for steps in by_rank for rows in steps[:-1])


@pytest.mark.parametrize(("num_ranks", "expected"), [(1, 64), (3, 66), (48, 96), (64, 64), (65, 65), (128, 128)])
def test_lanes_are_64_or_the_next_multiple_of_the_ranks(num_ranks: int, expected: int) -> None:
    assert count_lanes(num_ranks) == expected


def test_a_billion_rows_on_1024_ranks_need_no_list_of_rows() -> None:
    starts = lanes_for(10**9, 1024)
    share = Share(10**9, 1023, 1024, 64)
    for step in range(0, share.num_steps, 500):
        rows = training_rows(share, starts, step)
        assert rows.shape == (64,)
        assert rows.max() < 10**9
    last = training_rows(share, starts, share.num_steps - 1)
    assert share.num_steps == 15259
    assert (last == PADDING).any()

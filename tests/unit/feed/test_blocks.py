"""The block cache: bounded in bytes, latest kept."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dbx_dl.config import FeedConfig
from dbx_dl.feed.blocks import BlockCache, BlockReader, LoadedBlock
from dbx_dl.feed.decoding import create_decoder
from dbx_dl.feed.delta_log import read_log
from dbx_dl.feed.files import Block, list_blocks
from dbx_dl.feed.targets import LabelReader, WeightReader
from tests.prepared_tables import write_feature_table

Opened = tuple[BlockCache, list[int]]


@pytest.fixture
def cache_of(tmp_path: Path) -> Callable[[int], Opened]:
    prepared = write_feature_table(tmp_path, {"train": 40}, rows_per_group=10)
    weights = WeightReader(prepared, FeedConfig())
    reader = BlockReader("key", create_decoder(prepared.inputs), LabelReader(prepared.target), weights)
    found = list_blocks(read_log(prepared.table), "train", key_column="key", columns=reader.columns)
    reads: list[int] = []

    def read_and_note(block: Block, with_inputs: bool) -> LoadedBlock:
        reads.append(block.row_group)
        return reader.read(block, with_inputs)

    def make(capacity_bytes: int) -> Opened:
        return BlockCache(found, read_and_note, capacity_bytes), reads

    return make


def test_what_fits_is_read_once(cache_of: Callable[[int], Opened]) -> None:
    cache, reads = cache_of(2**20)
    for number in (0, 1, 2, 3, 0, 1, 2, 3):
        cache.load(number)
    assert reads == [0, 1, 2, 3]


def test_the_least_recently_used_block_goes_first(cache_of: Callable[[int], Opened]) -> None:
    cache, _ = cache_of(2**20)
    cache, reads = cache_of(2 * cache.load(0).num_bytes)
    reads.clear()
    for number in (0, 1, 0, 2, 0, 1):
        cache.load(number)
    assert reads == [0, 1, 2, 1]


def test_a_block_larger_than_the_bound_is_still_served(cache_of: Callable[[int], Opened]) -> None:
    cache, reads = cache_of(1)
    assert len(cache.load(2).labels) == 10
    cache.load(2)
    assert reads == [2]


def test_inputs_are_read_only_when_they_are_asked_for(cache_of: Callable[[int], Opened]) -> None:
    cache, reads = cache_of(2**20)
    assert cache.load(1, with_inputs=False).inputs is None
    assert cache.load(1).inputs.shape == (10, 5)
    assert cache.load(1, with_inputs=False).inputs is not None
    assert reads == [1, 1]


def test_threads_that_want_one_block_read_it_once(cache_of: Callable[[int], Opened]) -> None:
    cache, reads = cache_of(2**20)
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: cache.load(3), range(32)))
    assert reads == [3]
    assert all(block is loaded[0] for block in loaded)


def test_a_block_that_another_thread_reads_is_not_waited_for_unless_memory_is_short(
    cache_of: Callable[[int], Opened],
) -> None:
    cache, reads = cache_of(2**20)
    with cache._reading[0]:
        assert cache.offer(0) is None
        assert cache.offer(1) is cache.load(1)
    assert cache.offer(0) is cache.load(0)
    assert reads == [1, 0]
    tight, reads = cache_of(1)
    tight.load(0)
    tight.load(1)
    with ThreadPoolExecutor(1) as pool:
        with tight._reading[0]:
            offered = pool.submit(tight.offer, 0)
            assert not offered.done()
        assert offered.result() is not None

"""The block cache: bounded in bytes, latest kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.feed import blocks
from dbx_dl.feed.blocks import LABEL_COLUMN, BlockCache, read_block
from dbx_dl.feed.decoding import create_decoder
from dbx_dl.feed.files import Block, list_blocks
from tests.prepared_tables import write_feature_table


@pytest.fixture
def cache_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    prepared = write_feature_table(tmp_path, {"train": 40}, rows_per_group=10)
    found = list_blocks(prepared.table, "train", key_column="key", columns=("key", "x", LABEL_COLUMN))
    reads: list[int] = []

    def read_and_note(block: Block, columns: list[str]):  # type: ignore[no-untyped-def]
        reads.append(block.row_group)
        return read_block(block, columns)

    monkeypatch.setattr(blocks, "read_block", read_and_note)

    def make(capacity_bytes: int) -> tuple[BlockCache, list[int]]:
        return BlockCache(found, "key", create_decoder(prepared.inputs, 1), capacity_bytes), reads

    return make


def test_what_fits_is_read_once(cache_of) -> None:  # type: ignore[no-untyped-def]
    cache, reads = cache_of(2**20)
    for number in (0, 1, 2, 3, 0, 1, 2, 3):
        cache.load(number)
    assert reads == [0, 1, 2, 3]


def test_the_least_recently_used_block_goes_first(cache_of) -> None:  # type: ignore[no-untyped-def]
    cache, _ = cache_of(2**20)
    cache, reads = cache_of(2 * cache.load(0).num_bytes)
    reads.clear()
    for number in (0, 1, 0, 2, 0, 1):
        cache.load(number)
    assert reads == [0, 1, 2, 1]


def test_a_block_larger_than_the_bound_is_still_served(cache_of) -> None:  # type: ignore[no-untyped-def]
    cache, reads = cache_of(1)
    assert len(cache.load(2).labels) == 10
    cache.load(2)
    assert reads == [2]

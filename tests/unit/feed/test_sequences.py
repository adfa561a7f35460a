"""Batches to the bit: for several tables, seeds and numbers of ranks they are the ones that they have always been."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import Batch, PreparedTable
from dbx_dl.feed import blocks, reader
from dbx_dl.feed.blocks import BlockReader
from dbx_dl.feed.decoding import create_decoder
from dbx_dl.feed.delta_log import read_log
from dbx_dl.feed.files import Block, list_blocks
from dbx_dl.feed.reader import open_feed
from dbx_dl.feed.resident import hold_rows
from dbx_dl.feed.targets import LabelReader, WeightReader
from tests.prepared_tables import write_feature_table, write_image_table, write_number_table

# Many small blocks and windows, so that every step reads from several of both.
CONFIGS: dict[str, dict[str, Any]] = {
    "features": {"shuffle_window_rows": 50},
    "images": {"shuffle_window_rows": 16, "augment": {"flip": "both", "shift": 0.2}},
    "sets": {"drop_last": True},
}
BATCH_SIZES = {1: 24, 2: 12, 3: 8}
SEEDS = (0, 3, 2**40)
# Training runs are compared over versions, so these must not change: by table and ranks, one for each seed.
DIGESTS = {
    ("features", 1): ("009f9be075bc2245", "32c0ef6fd6537181", "080ab6a10ecbc79c"),
    ("features", 2): ("f6296ee2f07ce5c5", "f46f1cfbb74dc99a", "0a3a68e3430f3306"),
    ("features", 3): ("51083eee564c077f", "b019979537c4514d", "659ea1de9e89a531"),
    ("images", 1): ("e35478aeb3163035", "b1cc0b428d227562", "30a4ed064cb99d80"),
    ("images", 2): ("0dec830ed8fed6c4", "48c72735cf5effae", "7d7507958856ba08"),
    ("images", 3): ("bcd002a007c026b3", "5dcd051e9796784e", "7ecb4642061a89a1"),
    ("sets", 1): ("1fad6975e86b104a", "ae5040011fddc9ae", "74f61a96c18fe5a1"),
    ("sets", 2): ("c853df106b018927", "a385f2d5f3865d3a", "ebe8af43ad358d1b"),
    ("sets", 3): ("ef933a48c2e6c5c7", "20dfa6b7db960e72", "5e13e30329abb00f"),
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedTable]:
    folder = tmp_path_factory.mktemp("sequences")
    return {
        "features": write_feature_table(folder / "f", {"train": 1003}, rows_per_file=400, rows_per_group=90),
        "images": write_image_table(folder / "i", {"train": 103}, rows_per_group=20),
        "sets": write_number_table(folder / "n", "multilabel", {"train": 301}),
    }


def read(prepared: PreparedTable, num_ranks: int, seed: int, **config: Any) -> Iterator[Batch]:
    """All that the ranks get in two epochs and in stored order, rank after rank."""
    settings, batch_size = FeedConfig(**config), BATCH_SIZES[num_ranks]
    for rank in range(num_ranks):
        feed = open_feed(
            prepared, "train", batch_size=batch_size, rank=rank, num_ranks=num_ranks, seed=seed, config=settings
        )
        for epoch in (1, 2, None):
            yield from feed.batches(epoch)


def digest(batches: Iterator[Batch]) -> str:
    found = hashlib.sha256()
    for batch in batches:
        for array in (batch.inputs, batch.labels, batch.weights, batch.is_row):
            found.update(f"{array.shape} {array.dtype}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        found.update("\n".join(batch.keys).encode())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(("name", "num_ranks"), DIGESTS)
def test_batches_are_the_ones_that_they_have_always_been(
    tables: dict[str, PreparedTable], name: str, num_ranks: int
) -> None:
    found = tuple(digest(read(tables[name], num_ranks, seed, **CONFIGS[name])) for seed in SEEDS)
    assert found == DIGESTS[name, num_ranks]


@pytest.mark.parametrize("name", ["features", "images"])
def test_threads_that_begin_together_read_different_blocks(
    tables: dict[str, PreparedTable], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the first reads waits until another one has begun, too."""
    together, num_reads, plain = threading.Barrier(2, timeout=20), itertools.count(), blocks.read_block

    def read_with_another(block: Block, columns: Sequence[str]) -> pa.Table:
        if next(num_reads) < 2:
            together.wait()
        return plain(block, columns)

    monkeypatch.setattr(blocks, "read_block", read_with_another)
    feed = open_feed(tables[name], "train", batch_size=24, config=FeedConfig(num_threads=2, **CONFIGS[name]))
    assert sum(int(batch.is_row.sum()) for batch in feed.batches(1)) == tables[name].num_rows


def test_rows_are_held_in_one_array_where_they_fit(tables: dict[str, PreparedTable]) -> None:
    """Inputs, labels and both weights of 1,003 rows are 36 bytes each, and a quarter of the memory is for keys."""
    prepared = tables["features"]
    labels, weights = LabelReader(prepared.target), WeightReader(prepared, FeedConfig())
    block_reader = BlockReader("key", create_decoder(prepared.inputs), labels, weights)
    found = list_blocks(read_log(prepared.table), "train", key_column="key", columns=block_reader.columns)
    assert hold_rows(found, block_reader, 4 * 1003 * 36 // 3 - 2) is None
    held = hold_rows(found, block_reader, 4 * 1003 * 36 // 3 + 2)
    assert held is not None
    assert held.num_bytes <= 1003 * 36
    images = BlockReader("path", create_decoder(tables["images"].inputs), labels, weights)
    assert hold_rows(found, images, 2**30) is None


def test_only_blocks_that_are_read_again_are_warned_of(
    tables: dict[str, PreparedTable], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def list_large(*arguments: Any, **options: Any) -> tuple[Block, ...]:
        return tuple(replace(block, num_bytes=2**40) for block in list_blocks(*arguments, **options))

    monkeypatch.setattr(reader, "list_blocks", list_large)
    reader.open_feed(tables["features"], "train", batch_size=24)
    assert not caplog.records, "encoded rows fit, whatever the files hold"
    reader.open_feed(tables["features"], "train", batch_size=24, config=FeedConfig(max_memory_bytes=1))
    assert "they are read again and again" in caplog.text


@pytest.mark.parametrize("config", [{"num_threads": 1}, {"num_threads": 7}, {"max_memory_bytes": 1}])
def test_threads_and_memory_do_not_change_them(tables: dict[str, PreparedTable], config: dict[str, Any]) -> None:
    for name in CONFIGS:
        assert digest(read(tables[name], 2, SEEDS[0], **CONFIGS[name], **config)) == DIGESTS[name, 2][0]

"""A table with every kind of feature through the feed: the batches are what the plain reference says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.feed.blocks import read_block
from dbx_dl.feed.files import Block
from dbx_dl.feed.reader import open_feed
from dbx_dl.feed.rows import read_rows
from tests.plain_encoding import ALL_KINDS, ARROW_TYPES, Cells, encode_plainly, make_cells, to_table
from tests.prepared_tables import describe

NUM_ROWS = 60
YEAR_1, YEAR_9999 = -62_135_596_800_000_000, 253_370_764_800_000_000


@pytest.fixture(scope="module")
def cells() -> Cells:
    return make_cells(NUM_ROWS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, cells: Cells) -> PreparedTable:
    folder = tmp_path_factory.mktemp("kinds")
    added = {
        "key": [f"{row:03d}" for row in range(NUM_ROWS)],
        "label_index": pa.array([row % 2 for row in range(NUM_ROWS)], pa.int32()),
        "split": ["train"] * NUM_ROWS,
    }
    table = to_table(ALL_KINDS, cells)
    for name, values in added.items():
        table = table.append_column(name, pa.array(values))
    write_deltalake(folder, table, partition_by=["split"])
    return describe(folder, 0, {"train": NUM_ROWS}, ALL_KINDS, ("down", "up"))


def test_batches_are_the_encoded_rows(prepared: PreparedTable, cells: Cells) -> None:
    feed = open_feed(prepared, "train", batch_size=16, config=FeedConfig(shuffle_window_rows=16))
    expected = encode_plainly(ALL_KINDS, cells)
    rows = [
        (int(key), row)
        for batch in feed.batches(epoch=1)
        for key, row in zip(batch.keys, batch.inputs, strict=True)
        if key
    ]
    assert sorted(key for key, _ in rows) == list(range(NUM_ROWS))
    for key, row in rows:
        np.testing.assert_allclose(row, expected[key], rtol=1e-6)


def test_no_rows_have_the_types_of_rows(prepared: PreparedTable) -> None:
    empty, some = read_rows(prepared, "test"), read_rows(prepared, "train", 2)
    assert empty.num_rows == 0 and some.num_rows == 2
    for feature in ALL_KINDS.features:
        assert empty.schema.field(feature.column).type == ARROW_TYPES[feature.kind]
        assert some.schema.field(feature.column).type.equals(ARROW_TYPES[feature.kind])


def test_old_timestamps_keep_far_dates(tmp_path: Path) -> None:
    """Spark's default for Parquet is INT96, which many readers turn into nanoseconds."""
    path = tmp_path / "old.parquet"
    times = pa.array([YEAR_1, YEAR_9999, None, 1], pa.timestamp("us"))
    pq.write_table(pa.table({"t": times}), path, use_deprecated_int96_timestamps=True)
    assert pq.ParquetFile(path).schema.column(0).physical_type == "INT96"
    found = read_block(Block(str(path), 0, 4), ["t"]).column("t")
    assert found.cast(pa.int64()).to_pylist() == [YEAR_1, YEAR_9999, None, 1]

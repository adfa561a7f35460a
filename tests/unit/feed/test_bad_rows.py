"""Images that cannot be decoded: weight 0, counted, told, and too many of them stop the training."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import Batch, PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.feed.reader import open_feed
from tests.prepared_tables import IMAGES, describe, draw_image, encode_png

BAD = {7: b"no image", 21: b"", 30: None}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    folder = tmp_path_factory.mktemp("images")
    files = [BAD.get(row, encode_png(draw_image(row, 0))) for row in range(40)]
    columns = {
        "path": [f"{row:02d}.png" for row in range(40)],
        "content": pa.array(files, pa.binary()),
        "label_index": pa.array([1] * 40, pa.int32()),
        "split": ["train"] * 40,
    }
    write_deltalake(folder, pa.table(columns), partition_by=["split"])
    return describe(folder, 0, {"train": 40}, IMAGES, ("dark", "bright"), key_column="path")


def read(prepared: PreparedTable, epoch: int | None, rank: int = 0, num_ranks: int = 1, **config: Any) -> list[Batch]:
    feed = open_feed(prepared, "train", batch_size=8, rank=rank, num_ranks=num_ranks, config=FeedConfig(**config))
    return list(feed.batches(epoch))


@pytest.mark.parametrize("where", ["none", "memory"])
def test_they_have_weight_0_and_the_log_tells_of_them(
    prepared: PreparedTable, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    rows = [row for batch in read(prepared, 1, max_bad_fraction=0.1, cache={"where": where}) for row in _rows(batch)]
    assert {key for key, _, _, is_row in rows if not is_row} == {f"{row:02d}.png" for row in BAD}
    for key, pixels, weight, is_row in rows:
        assert weight == float(is_row)
        assert (pixels == (draw_image(int(key[:2]), 0) if is_row else 0)).all()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "3 of 40 rows of the train split cannot be decoded, such as '" in record.message
    assert "empty: the file has no bytes" in record.message


def _rows(batch: Batch) -> list[tuple[str, np.ndarray, float, bool]]:
    return list(zip(batch.keys, batch.inputs[..., 0], batch.weights.tolist(), batch.is_row.tolist(), strict=True))


def test_too_many_stop_with_examples(prepared: PreparedTable) -> None:
    with pytest.raises(
        DataError, match=r"of 40 rows of the train split cannot be decoded, such as '\d\d\.png' \(.*: run"
    ):
        read(prepared, 1, max_bad_fraction=0.05)


def test_the_limit_is_a_share_of_the_ranks_rows(prepared: PreparedTable) -> None:
    stopped = set()
    for rank in range(4):
        try:
            read(prepared, 1, rank, 4, max_bad_fraction=0.1)
        except DataError:
            stopped.add(rank)
    batches = [read(prepared, 1, rank, 4, max_bad_fraction=1) for rank in range(4)]
    num_bad = [
        sum(bool(key) and not ok for b in mine for key, ok in zip(b.keys, b.is_row, strict=True)) for mine in batches
    ]
    assert sum(num_bad) == 3
    assert stopped == {rank for rank, count in enumerate(num_bad) if count > 0.1 * 10}


def test_evaluation_needs_every_row(prepared: PreparedTable) -> None:
    with pytest.raises(DataError, match=r"'07\.png' \(not_an_image"):
        read(prepared, None, max_bad_fraction=1)

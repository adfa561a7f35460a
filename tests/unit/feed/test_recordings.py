"""Recordings of a prepared table become batches of samples; what cannot be decoded is told and weighs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dbx_dl.config import AugmentConfig, FeedConfig
from dbx_dl.errors import ConfigError
from dbx_dl.feed.reader import open_feed
from dbx_dl.feed.rows import read_rows
from dbx_dl.transforms.audio import decode_audio
from tests.prepared_tables import RECORDINGS, write_audio_table


def test_batches_are_the_decoded_files(tmp_path: Path) -> None:
    prepared = write_audio_table(tmp_path, {"train": 10, "test": 3})
    rows = read_rows(prepared, "train")
    expected = {row["key"]: decode_audio(row["content"], RECORDINGS) for row in rows.to_pylist()}
    seen = []
    for batch in open_feed(prepared, "train", batch_size=4, num_threads=2).batches(1):
        assert (batch.inputs.dtype, batch.inputs.shape) == (np.int16, (4, 800))
        for samples, key, is_row in zip(batch.inputs, batch.keys, batch.is_row, strict=True):
            if is_row:
                np.testing.assert_array_equal(samples, expected[key])
                seen.append(key)
    assert sorted(seen) == sorted(expected)


def test_broken_recordings_weigh_nothing(tmp_path: Path) -> None:
    prepared = write_audio_table(tmp_path, {"train": 4})
    broken = {"key": ["train-broken"], "content": [b"RIFF"], "split": ["train"]}
    row = pa.table(broken | {"label_index": pa.array([0], pa.int32())})
    write_deltalake(tmp_path, row, mode="append", partition_by=["split"])
    table = prepared.table.model_copy(update={"version": DeltaTable(tmp_path).version()})
    prepared = prepared.model_copy(update={"table": table, "split_rows": {**prepared.split_rows, "train": 5}})
    config = FeedConfig(max_bad_fraction=0.5)
    (batch,) = open_feed(prepared, "train", batch_size=5, config=config).batches(1)
    place = list(batch.keys).index("train-broken")
    assert batch.is_row.sum() == 4 and not batch.is_row[place]
    assert batch.weights[place] == 0 and not batch.inputs[place].any()


def test_augmentation_is_of_images(tmp_path: Path) -> None:
    prepared = write_audio_table(tmp_path, {"train": 2})
    config = FeedConfig(augment=AugmentConfig(flip="horizontal"))
    with pytest.raises(ConfigError, match="images"):
        open_feed(prepared, "train", batch_size=2, config=config)

"""Which tables are read without Spark: those of which everything that a reader must know is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.contracts import TableVersion
from dbx_dl.errors import DataError, VersionGoneError
from dbx_dl.feed.delta_log import DataFile, IndirectTableError, read_log, refuse_unknown_properties
from dbx_dl.feed.files import list_blocks, read_block
from tests.prepared_tables import write_feature_table

TABLE = TableVersion(name="t", path="/t", version=0)


class Asked:
    """What a table's protocol and metadata ask of a reader."""

    def __init__(self, version: int, features: list[str] | None, mode: str | None) -> None:
        self.min_reader_version, self.reader_features = version, features
        self.configuration = {"delta.columnMapping.mode": mode} if mode else {}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(2, None, "name"), "columnMapping.mode = name"),
        (Asked(1, None, "id"), "columnMapping.mode = id"),
        (Asked(3, ["columnMapping", "deletionVectors"], "name"), "columnMapping.mode = name"),
        (Asked(3, ["deletionVectors", "typeWidening"], None), "version 3 .typeWidening."),
        (Asked(3, ["somethingNew", "variantType"], "none"), "somethingNew, variantType"),
        (Asked(4, None, None), "version 4"),
    ],
)
def test_what_is_not_known_is_left_to_spark(asked: Any, expected: str) -> None:
    with pytest.raises(IndirectTableError, match=expected):
        refuse_unknown_properties(TABLE, asked, asked)


@pytest.mark.parametrize("asked", [Asked(1, None, None), Asked(2, None, "none"), Asked(3, ["deletionVectors"], None)])
def test_what_is_known_is_read(asked: Any) -> None:
    refuse_unknown_properties(TABLE, asked, asked)


def test_masks_reach_over_row_groups_and_may_be_short(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 25}, rows_per_group=10)
    log = read_log(prepared.table)
    mask = np.ones(22, dtype=np.bool_)
    mask[[3, *range(10, 20), 21]] = False
    file = DataFile(log.files[0].path, log.files[0].partition, {}, mask)
    masked = type(log)(log.table, log.storage, log.schema, (file,))
    blocks = list_blocks(masked, "train", key_column="key", columns=["key"])
    read = [key for block in blocks for key in read_block(block, ["key"]).column(0).to_pylist()]
    assert read == [f"train-{row:05d}" for row in range(25) if row not in (3, *range(10, 20), 21)]
    assert [block.row_group for block in blocks] == [0, 2]


def test_a_missing_version_or_table_is_named(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 5})
    with pytest.raises(VersionGoneError, match=r"version 9 .*prepare"):
        read_log(prepared.table.model_copy(update={"version": 9}))
    with pytest.raises(DataError, match="no Delta table at"):
        read_log(TableVersion(name="gone", path=str(tmp_path / "gone"), version=0))

"""Blocks of a pinned table: in key order, other splits and versions left out, later columns null."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import WriterProperties, write_deltalake

from dbx_dl.contracts import SPLITS, PreparedTable, Split
from dbx_dl.errors import DataError, VersionGoneError
from dbx_dl.feed.delta_log import read_log
from dbx_dl.feed.files import Block, list_blocks, read_block
from tests.prepared_tables import SPEC, describe, write_feature_table

COLUMNS = ("key", "x", "label_index")


def blocks_of(prepared: PreparedTable, split: Split, columns: tuple[str, ...] = COLUMNS) -> tuple[Block, ...]:
    return list_blocks(read_log(prepared.table), split, key_column="key", columns=columns)


def read_all(prepared: PreparedTable, split: Split, *columns: str) -> list[dict[str, Any]]:
    found = [read_block(block, columns).to_pylist() for block in blocks_of(prepared, split, columns)]
    return [row for rows in found for row in rows]


def test_blocks_are_the_row_groups_of_the_split_in_key_order(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 100, "test": 30}, rows_per_file=40, rows_per_group=15)
    blocks = blocks_of(prepared, "train")
    assert [block.num_rows for block in blocks] == [15, 15, 10, 15, 15, 10, 15, 5]
    assert all("split=train" in block.path for block in blocks)
    assert sum(block.num_rows for block in blocks_of(prepared, "test")) == 30
    assert blocks_of(prepared, "validation") == ()


def test_later_versions_do_not_change_what_is_read(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 20})
    pinned = blocks_of(prepared, "train")
    write_feature_table(tmp_path, {"train": 20})
    assert blocks_of(prepared, "train") == pinned


def test_quoted_paths_are_unquoted_once(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "a folder with % and ü", {"train": 5})
    assert len(read_all(prepared, "train", "key")) == 5
    by_uri = prepared.table.model_copy(update={"path": (tmp_path / "a folder with % and ü").as_uri()})
    assert len(read_all(prepared.model_copy(update={"table": by_uri}), "train", "key")) == 5


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 5})
    with pytest.raises(DataError, match="no column weight"):
        blocks_of(prepared, "train", ("key", "weight"))
    Path(blocks_of(prepared, "train")[0].path).unlink()
    with pytest.raises(VersionGoneError, match="vacuumed"):
        blocks_of(prepared, "train")


def test_a_table_without_splits_is_refused(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"key": ["a"]}))
    with pytest.raises(DataError, match="no column split"):
        blocks_of(describe(tmp_path, 0, {}, SPEC, ("no", "yes")), "train", ("key",))


@pytest.mark.parametrize("splits", [["test", "train", "validation"], ["train"] * 3, ["train", None, "test"]])
@pytest.mark.parametrize("partitions", [[], ["colour"], ["colour", "split"]])
def test_splits_are_found_in_tables_of_any_partitions(
    tmp_path: Path, splits: list[str | None], partitions: list[str]
) -> None:
    columns = {
        "key": [f"k{row:02d}" for row in range(60)],
        "colour": [("red", "blue")[row // 5 % 2] for row in range(60)],
        "split": pa.array([splits[row * row % 7 % 3] for row in range(60)], pa.string()),
    }
    properties = WriterProperties(max_row_group_size=8)
    write_deltalake(tmp_path, pa.table(columns), partition_by=partitions, writer_properties=properties)
    rows = pa.table(columns).select(["key", "colour"]).to_pylist()
    for split in SPLITS:
        expected = [row for row, own in zip(rows, columns["split"].to_pylist(), strict=True) if own == split]
        found = read_all(describe(tmp_path, 0, {}, SPEC, ("no", "yes")), split, "key", "colour")
        assert sorted(found, key=lambda row: row["key"]) == expected


def test_groups_of_other_splits_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = [split for split in ("test", "train", "validation") for _ in range(10)]
    columns = pa.table({"key": [f"k{row:02d}" for row in range(30)], "split": splits})
    write_deltalake(tmp_path, columns, writer_properties=WriterProperties(max_row_group_size=10))

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("statistics tell everything here")

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", refuse)
    blocks = blocks_of(describe(tmp_path, 0, {}, SPEC, ("no", "yes")), "train", ("key",))
    assert [(block.row_group, block.num_rows, block.rows) for block in blocks] == [(1, 10, None)]


def test_a_column_that_came_later_is_null_before(tmp_path: Path) -> None:
    old = pa.table({"key": ["a", "b"], "split": ["train"] * 2})
    new = pa.table({"key": ["c"], "split": ["train"], "extra": [1.5]})
    write_deltalake(tmp_path, old, partition_by=["split"])
    write_deltalake(tmp_path, new, mode="append", schema_mode="merge")
    found = read_all(describe(tmp_path, 1, {}, SPEC, ("no", "yes")), "train", "extra", "key", "split")
    assert [tuple(row.values()) for row in found] == [
        (None, "a", "train"), (None, "b", "train"), (1.5, "c", "train"),
    ]  # fmt: skip
    assert read_all(describe(tmp_path, 1, {}, SPEC, ("no", "yes")), "train", "extra")[0] == {"extra": None}


def test_many_small_files_keep_their_order(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 40}, rows_per_file=1)
    assert [row["key"] for row in read_all(prepared, "train", "key")] == [f"train-{row:05d}" for row in range(40)]

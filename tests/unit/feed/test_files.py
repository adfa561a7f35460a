"""The log reader: blocks in key order, other splits and versions left out, unknown tables refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dbx_dl.contracts import TableVersion
from dbx_dl.errors import DataError, VersionGoneError
from dbx_dl.feed.delta_log import read_log, refuse_unknown_properties
from dbx_dl.feed.files import list_blocks, list_files
from dbx_dl.feed.storage import local_path
from tests.prepared_tables import write_feature_table

COLUMNS = ("key", "x", "label_index")


def test_blocks_are_the_row_groups_of_the_split_in_key_order(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 100, "test": 30}, rows_per_file=40, rows_per_group=15)
    blocks = list_blocks(prepared.table, "train", key_column="key", columns=COLUMNS)
    assert [block.num_rows for block in blocks] == [15, 15, 10, 15, 15, 10, 15, 5]
    assert all("split=train" in block.path for block in blocks)
    assert sum(b.num_rows for b in list_blocks(prepared.table, "test", key_column="key", columns=COLUMNS)) == 30
    assert list_blocks(prepared.table, "validation", key_column="key", columns=COLUMNS) == ()


def test_later_versions_do_not_change_what_is_read(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 20})
    pinned = list_files(prepared.table, "train", "key")
    write_feature_table(tmp_path, {"train": 20})
    assert list_files(prepared.table, "train", "key") == pinned


def test_quoted_paths_are_unquoted_once(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with % and ü"
    prepared = write_feature_table(folder, {"train": 5})
    assert all(Path(path).exists() for path in list_files(prepared.table, "train", "key"))


def test_a_missing_version_table_or_file_is_named(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 5})
    with pytest.raises(DataError, match=r"version 9 .*prepare"):
        list_files(prepared.table.model_copy(update={"version": 9}), "train", "key")
    with pytest.raises(DataError, match="no Delta table at"):
        list_files(TableVersion(name="gone", path=str(tmp_path / "gone"), version=0), "train", "key")
    Path(list_files(prepared.table, "train", "key")[0]).unlink()
    with pytest.raises(VersionGoneError, match="vacuumed"):
        list_blocks(prepared.table, "train", key_column="key", columns=COLUMNS)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 5})
    with pytest.raises(DataError, match="no column weight"):
        list_blocks(prepared.table, "train", key_column="key", columns=("key", "weight"))


def test_a_table_that_is_not_partitioned_by_split_is_refused(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"key": ["a"], "split": ["train"]}))
    with pytest.raises(DataError, match="not partitioned by `split`"):
        list_files(TableVersion(name="t", path=str(tmp_path), version=0), "train", "key")


@pytest.mark.parametrize(
    ("reader", "configuration", "expected"),
    [
        ({"minReaderVersion": 3, "readerFeatures": ["deletionVectors"]}, {}, "version 3 .deletionVectors."),
        ({"minReaderVersion": 2}, {"delta.columnMapping.mode": "name"}, "version 2"),
        ({"minReaderVersion": 1}, {"delta.columnMapping.mode": "id"}, "columnMapping.mode = id"),
    ],
)
def test_what_this_reader_does_not_know_is_refused(
    reader: dict[str, object], configuration: dict[str, str], expected: str
) -> None:
    class Protocol:
        min_reader_version = reader["minReaderVersion"]
        reader_features = reader.get("readerFeatures")

    class Metadata:
        pass

    metadata = Metadata()
    metadata.configuration = configuration  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=expected):
        refuse_unknown_properties(TableVersion(name="t", path="/t", version=0), Protocol(), metadata)


def test_a_table_with_deletion_vectors_enabled_is_refused(tmp_path: Path) -> None:
    write_deltalake(
        tmp_path,
        pa.table({"key": ["a"], "split": ["train"]}),
        partition_by=["split"],
        configuration={"delta.enableDeletionVectors": "true"},
    )
    assert DeltaTable(tmp_path).protocol().min_reader_version == 3
    with pytest.raises(DataError, match="deletionVectors"):
        list_files(TableVersion(name="t", path=str(tmp_path), version=0), "train", "key")


@pytest.mark.parametrize(
    ("location", "expected"),
    [("/a/b", "/a/b"), ("file:/a/b%20c", "/a/b c"), ("file:///a/b", "/a/b"), ("dbfs:/x/y", "/dbfs/x/y")],
)
def test_locations_become_paths(location: str, expected: str) -> None:
    assert local_path(location) == expected


def test_an_object_store_is_refused() -> None:
    with pytest.raises(DataError, match="s3://bucket/table"):
        local_path("s3://bucket/table")

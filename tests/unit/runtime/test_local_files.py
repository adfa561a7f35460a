"""Local trees are listed completely and once, whatever lies in them."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dbx_dl.errors import DataError
from dbx_dl.runtime import local_files
from dbx_dl.runtime.local_files import Folder, list_files, local_path, make_lister, require_folder, split_tree


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def batch_of(folders: list[Folder]) -> pa.RecordBatch:
    columns: dict[str, Any] = {
        "path": pa.array([folder.path for folder in folders], pa.binary()),
        "is_whole": pa.array([folder.is_whole for folder in folders]),
        "links": pa.array([folder.links for folder in folders], pa.list_(pa.binary())),
    }
    return pa.RecordBatch.from_pydict(columns)


def list_tree(root: Path, num_parts: int = 1000) -> list[dict[str, Any]]:
    """Rows of everything below `root`, through Arrow; one input batch per part."""
    batches = (batch_of([folder]) for folder in split_tree(str(root), num_parts))
    return [row for batch in make_lister(str(root))(batches) for row in batch.to_pylist()]


NAMES = ("top.png", "a/1.png", "a/b/2.png", "a/b/c/3.png", "d e/ü %20.png", "d e/f/4.png")


@pytest.mark.parametrize("num_parts", [1, 2, 3, 1000])
def test_every_file_is_listed_once_however_the_tree_is_split(tmp_path: Path, num_parts: int) -> None:
    write(tmp_path, *NAMES, ".hidden/x", "_hidden/x", "a/.x", "a/_x")
    (tmp_path / "empty").mkdir()
    rows = list_tree(tmp_path, num_parts)
    assert sorted(row["path"] for row in rows) == sorted(NAMES)
    for row in rows:
        assert Path(row["location"]).read_bytes() == row["path"].encode()
        found = (tmp_path / row["path"]).stat()
        assert row["size_bytes"] == found.st_size
        assert int(row["modified_at"].timestamp() * 1e6) == pytest.approx(found.st_mtime_ns // 1000, abs=1)
        assert (row["reason"], row["detail"]) == (None, None)


def test_only_as_many_folders_as_needed_are_opened_by_the_driver(tmp_path: Path) -> None:
    write(tmp_path, *(f"{i}/{j}/x" for i in range(20) for j in range(5)))
    folders = list(split_tree(str(tmp_path), 10))
    assert [folder.is_whole for folder in folders] == [False] + [True] * 20


def test_batches_are_bounded_and_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "_BATCH_ROWS", 4)
    write(tmp_path, *(f"a/{i}" for i in range(10)))
    batches = list(make_lister(str(tmp_path))([batch_of(list(split_tree(str(tmp_path))))]))
    assert [batch.num_rows for batch in batches] == [4, 4, 2]
    assert batches[0].schema.field("modified_at").type == pa.timestamp("us", tz="UTC")
    assert batches[0].schema.field("size_bytes").type == pa.int64()
    assert list(make_lister(str(tmp_path))([])) == []


@pytest.mark.parametrize("num_parts", [1, 1000])
def test_links_are_followed_but_not_in_circles(tmp_path: Path, num_parts: int) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(root, "a/1", "b/2")
    write(outside, "3", "deep/4")
    (root / "out").symlink_to(outside)
    (root / "file").symlink_to(outside / "3")
    (outside / "deep" / "back").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(tmp_path)
    (root / "a" / "to_b").symlink_to(root / "b")
    (root / "b" / "to_a").symlink_to(root / "a")
    (root / "itself").symlink_to(root / "itself")
    rows = {row["path"]: row["reason"] for row in list_tree(root, num_parts)}
    assert rows.pop("itself") == "unreadable"
    assert set(rows.values()) == {None}
    assert set(rows) == {"a/1", "b/2", "a/to_b/2", "b/to_a/1", "file", "out/3", "out/deep/4"}


def test_what_is_no_readable_file_gets_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a/good")
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "a" / "pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff.png")).write_bytes(b"x")
    folder = os.fsencode(tmp_path) + b"/\xfe"
    Path(os.fsdecode(folder)).mkdir()
    Path(os.fsdecode(folder + b"/in.png")).write_bytes(b"x")
    with socket.socket(socket.AF_UNIX) as one:
        monkeypatch.chdir(tmp_path / "a")  # the path of a socket must be short
        one.bind("socket")
    rows = {row["path"]: (row["reason"], row["location"] is None) for row in list_tree(tmp_path)}
    assert rows == {
        "a/good": (None, False),
        "a/gone": ("file_missing", False),
        "a/pipe": ("not_a_file", False),
        "a/socket": ("not_a_file", False),
        "a/�.png": ("bad_name", True),
        "�/in.png": ("bad_name", True),
    }


def test_a_folder_that_is_gone_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"folder /no/such is gone, or is not there on every machine"):
        list(list_files(Folder(b"/no/such")))
    with pytest.raises(DataError, match="does not exist"):
        require_folder(str(tmp_path / "none"), "image folder")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="is a file: give a folder"):
        require_folder(str(tmp_path / "file"), "image folder")


def test_local_paths() -> None:
    assert local_path("/a/../b/") == "/b"
    assert local_path("file:///a/b") == "/a/b"
    assert local_path("a") == f"{Path.cwd()}/a"
    for elsewhere in ("s3://bucket/a", "abfss://c@x.dfs.core.windows.net/a", "dbfs:/no/such"):
        assert local_path(elsewhere) is None

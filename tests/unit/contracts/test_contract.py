"""A contract's file is whole, whoever else writes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dbx_dl.contracts import FileDigest
from dbx_dl.errors import DataError


def test_writers_at_once_leave_one_of_their_files(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    values = [FileDigest(path=letter * 200_000, sha256=letter) for letter in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        for saving in [pool.submit(value.save, path) for value in values * 20]:
            saving.result()
    assert FileDigest.load(path) in values
    assert [file.name for file in tmp_path.iterdir()] == ["value.json"]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "value.json"
    target.mkdir()
    with pytest.raises(OSError):
        FileDigest(path="a", sha256="b").save(target)
    assert [file.name for file in tmp_path.iterdir()] == ["value.json"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"[" * 100_000, b"{}"])
def test_what_is_no_contract_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "value.json").write_bytes(content)
    with pytest.raises(DataError, match=r"value\.json is not a FileDigest"):
        FileDigest.load(tmp_path / "value.json")

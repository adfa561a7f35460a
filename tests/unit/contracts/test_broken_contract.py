"""A contract's file that cannot be read says so in a line, with the place in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.contracts import TableVersion
from dbx_dl.errors import DataError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"name": "a", "pa', "is not a TableVersion: Invalid JSON: EOF while parsing"),
        (
            b'{"name": "a", "path": "b", "version": "x"}',
            "is not a TableVersion: version: Input should be a valid integ",
        ),
        (b"[]", "is not a TableVersion: Input should be an object"),
        (b"\xff\xfe", "is not a TableVersion: Invalid JSON: expected value"),
    ],
)
def test_files_that_are_no_contract(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "table.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        TableVersion.load(path)
    assert f"{path} {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        TableVersion.load(tmp_path)

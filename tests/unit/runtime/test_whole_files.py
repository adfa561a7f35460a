"""Files are whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.runtime.whole_files import write_whole


def test_failed_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.npz"
    with write_whole(path) as partial:
        partial.write_text("old")
    with pytest.raises(OSError, match="disk full"), write_whole(path) as partial:
        partial.write_text("ne")
        raise OSError("disk full")
    assert [file.name for file in path.parent.iterdir()] == ["w.npz"]
    assert path.read_text() == "old"


def test_of_two_writers_the_last_ones_file_stands_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with write_whole(path) as first:
        first.write_text("first, half")
        with write_whole(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
        with first.open("a") as file:
            file.write(" and half")
    assert path.read_text() == "first, half and half"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]

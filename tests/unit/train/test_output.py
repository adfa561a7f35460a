"""What ranks print: whole lines in order, levels, and a bound on what is kept."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from dbx_dl.train.output import OutputKeeper, follow_output, read_level
from dbx_dl.train.reports import ReportReader, ReportWriter
from dbx_dl.train.run_directory import RunDirectory


def keep(folder: Path, printed: bytes, max_bytes: int = 1000) -> tuple[list[str], str]:
    """The lines that were kept of a finished output, and its tail."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream, os.fdopen(reading, "rb") as output:
        keeper = OutputKeeper(output, folder, 1, max_bytes)
        stream.write(printed)
        stream.close()
        keeper.close()
    return [record["line"] for record in ReportReader(folder).read_new()], keeper.tail


def test_lines_are_kept_in_order(tmp_path: Path) -> None:
    lines, tail = keep(tmp_path, b"one\n\xfftwo\r\nthree without an end")
    assert lines == ["one", "�two", "three without an end"]
    assert tail == "\n".join(lines)


def test_more_than_the_bound_is_counted_and_the_tail_stays(tmp_path: Path) -> None:
    lines, tail = keep(tmp_path, b"".join(b"line %d\n" % number for number in range(100)), max_bytes=21)
    assert lines == ["line 0", "line 1", "line 2", "… 97 more lines were not kept"]
    assert tail.endswith("line 98\nline 99")


def test_a_line_without_end_comes_in_pieces(tmp_path: Path) -> None:
    lines, _ = keep(tmp_path, b"x" * 20_000, max_bytes=100_000)
    assert [len(line) for line in lines] == [8192, 8192, 3616]


def test_a_silent_process_leaves_no_folder(tmp_path: Path) -> None:
    keep(tmp_path / "none", b"")
    assert not (tmp_path / "none").exists()


def test_the_driver_logs_lines_by_rank_and_level(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = RunDirectory(tmp_path)
    ReportWriter(files.output(1)).write({"rank": 1, "line": "of an earlier launch"})
    with caplog.at_level(logging.DEBUG), follow_output(files, 2):
        ReportWriter(files.output(1)).write({"rank": 1, "line": "WARNING: low"}, {"rank": 1, "line": "hello"})
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "[rank 1] low"),
        ("INFO", "[rank 1] hello"),
    ]


def test_a_level_is_read_only_where_the_line_begins_with_it() -> None:
    assert read_level("ERROR: no") == (logging.ERROR, "no")
    assert read_level("INFOrmation") == (logging.INFO, "INFOrmation")
    assert read_level("an ERROR: no") == (logging.INFO, "an ERROR: no")

"""Report files: numbered, whole, in order, and followed while they are written."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.train.reports import ReportReader, ReportWriter, count_reports, follow_reports


def test_records_come_back_once_and_in_order(tmp_path: Path) -> None:
    writer, reader = ReportWriter(tmp_path), ReportReader(tmp_path)
    assert reader.read_new() == []
    writer.write({"n": 1}, {"n": 2})
    writer.write({"n": 3})
    assert reader.read_new() == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert reader.read_new() == []
    writer.write({"n": 4})
    assert reader.read_new() == [{"n": 4}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000001.jsonl", "000002.jsonl", "000003.jsonl"]


def test_a_second_writer_goes_on_behind_the_first(tmp_path: Path) -> None:
    ReportWriter(tmp_path).write({"n": 1})
    reader = ReportReader(tmp_path, count_reports(tmp_path))
    ReportWriter(tmp_path).write({"n": 2})
    assert reader.read_new() == [{"n": 2}]
    assert ReportReader(tmp_path).read_new() == [{"n": 1}, {"n": 2}]


def test_a_file_that_is_still_written_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".000001.jsonl.partial").write_text('{"n": ')
    assert ReportReader(tmp_path).read_new() == []


def test_following_ends_with_everything_handled(tmp_path: Path) -> None:
    folders = [tmp_path / "rank_0", tmp_path / "rank_1"]
    seen: list[dict[str, Any]] = []
    with follow_reports(folders, seen.append):
        for rank, folder in enumerate(folders):
            writer = ReportWriter(folder)
            for number in range(20):
                writer.write({"rank": rank, "number": number})
    for rank in range(2):
        assert [record["number"] for record in seen if record["rank"] == rank] == list(range(20))


def test_a_failing_handler_is_logged_and_the_rest_still_handled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    def handle(record: dict[str, Any]) -> None:
        if record["n"] == 1:
            raise RuntimeError("store is away")
        seen.append(record["n"])

    with caplog.at_level(logging.WARNING), follow_reports([tmp_path], handle):
        ReportWriter(tmp_path).write({"n": 1}, {"n": 2})
    assert seen == [2]
    assert "store is away" in caplog.text


def test_following_ends_when_the_followed_work_raises(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    with pytest.raises(KeyError), follow_reports([tmp_path], seen.append):
        ReportWriter(tmp_path).write({"n": 1})
        raise KeyError("work failed")
    assert seen == [{"n": 1}]

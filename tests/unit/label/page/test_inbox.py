"""What an inbox says it wrote is on disk, whole, and read once."""

from __future__ import annotations

import errno
import os
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.contracts import LabelEvent
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.label.page.inbox import InboxReader, LabelInbox


def make_event(key: str = "a") -> LabelEvent:
    """A label of the class cat."""
    return LabelEvent(
        label_id=str(uuid.uuid4()),
        item_key=key,
        task="classes",
        labels=("cat",),
        annotator="ada",
        labelled_at=datetime.now(UTC),
    )


def test_events_are_read_once_by_each_reader_and_from_all_servers(tmp_path: Path) -> None:
    one, other, reader = LabelInbox(tmp_path), LabelInbox(tmp_path), InboxReader(tmp_path)
    first, second, third = (make_event("日本\n") for _ in range(3))
    one.append(first)
    other.append(second)
    assert sorted(event.label_id for event in reader.read_new()) == sorted((first.label_id, second.label_id))
    assert list(reader.read_new()) == []
    one.append(third)
    assert list(reader.read_new()) == [third]
    assert len(list(InboxReader(tmp_path).read_new())) == 3
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    assert (one.num_written, other.num_written) == (2, 1)


def test_half_a_line_counts_once_it_is_whole(tmp_path: Path) -> None:
    event, reader = make_event(), InboxReader(tmp_path)
    text = event.model_dump_json()
    path = tmp_path / "a.jsonl"
    path.write_text('{"no": "event"}\n' + text[:40])
    assert list(reader.read_new()) == []
    with path.open("a") as file:
        file.write(text[40:] + "\n")
    assert list(reader.read_new()) == [event]


def test_every_line_is_synced_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_size), sync(handle))[1])
    inbox = LabelInbox(tmp_path)
    inbox.append(make_event())
    inbox.append(make_event())
    (path,) = tmp_path.glob("*.jsonl")
    assert len(synced) == 3 and synced[-1] == path.stat().st_size, "the folder once, then each line"


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_is_told_and_the_next_label_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    inbox, first, later = LabelInbox(tmp_path), make_event(), make_event()
    inbox.append(first)
    write = os.write

    close = os.close

    def close_badly(handle: int) -> None:
        close(handle)
        raise OSError(errno.EIO, "Input/output error")

    def run_out(handle: int, *given: Any) -> int:
        if given:
            write(handle, bytes(given[0])[:30])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, run_out)
        patch.setattr(os, "close", close_badly)
        with pytest.raises(DataError, match=r"not saved.*No space left"):
            inbox.append(make_event())
    inbox.append(later)
    assert list(InboxReader(tmp_path).read_new()) == [first, later]
    assert inbox.num_written == 2
    assert list(InboxReader(tmp_path, own=inbox).read_new()) == []


def test_a_closed_inbox_takes_nothing(tmp_path: Path) -> None:
    inbox = LabelInbox(tmp_path)
    inbox.append(make_event())
    inbox.close()
    with pytest.raises(DataError, match="being stopped"):
        inbox.append(make_event())
    assert len(list(InboxReader(tmp_path).read_new())) == 1


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    inbox = LabelInbox(tmp_path)
    events = [[make_event(f"{thread}-{i}" * 50) for i in range(20)] for thread in range(6)]
    threads = [threading.Thread(target=lambda mine=mine: [inbox.append(event) for event in mine]) for mine in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {event.label_id for event in InboxReader(tmp_path).read_new()}
    assert found == {event.label_id for mine in events for event in mine}


def test_an_inbox_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        LabelInbox(tmp_path / "file" / "inbox")

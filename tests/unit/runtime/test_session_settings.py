"""Settings that fit a folder of files; blocks of several threads in one session."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from dbx_dl.runtime.session_settings import file_settings, session_settings


@pytest.mark.parametrize(
    ("version", "has_contents", "limits"),
    [
        ("4.1.4", True, ["maxBytesPerBatch"]),
        ("4.1.0.dev0", False, ["maxBytesPerBatch"]),
        ("5.0.0", True, ["maxBytesPerBatch"]),
        ("4.0.1", True, ["maxRecordsPerBatch"]),
        ("4.0.0", False, []),
    ],
)
def test_batches_of_files_are_bounded_by_what_spark_knows(version: str, has_contents: bool, limits: list[str]) -> None:
    prefix = "spark.sql.execution.arrow."
    settings = file_settings(version, has_contents=has_contents)
    assert [name.removeprefix(prefix) for name in settings if name.startswith(prefix)] == limits
    assert "spark.sql.files.openCostInBytes" in settings


class Conf(dict[str, str]):
    """What a session's `conf` can do."""

    set = dict.__setitem__
    unset = dict.__delitem__


class Session:
    """A session with nothing but settings."""

    def __init__(self, **settings: str) -> None:
        self.conf = Conf(settings)


def test_settings_come_back() -> None:
    session: Any = Session(a="1")
    with pytest.raises(KeyError), session_settings(session, {"a": "2", "b": "3"}):
        with session_settings(session, {"b": "3", "c": "4"}):
            assert session.conf == {"a": "2", "b": "3", "c": "4"}
        assert session.conf == {"a": "2", "b": "3"}
        raise KeyError
    assert session.conf == {"a": "1"}


def test_threads_share_a_value_or_wait_for_theirs() -> None:
    session: Any = Session()
    seen: list[tuple[str, str]] = []

    def work(name: str) -> None:
        with session_settings(session, {"common": "x"}), session_settings(session, {"own": name}):
            seen.append((name, session.conf["own"]))
            time.sleep(0.01)
            seen.append((name, session.conf["own"]))

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(seen) == 10 and all(name == value for name, value in seen)
    assert session.conf == {}


def test_a_block_that_would_wait_for_itself_is_refused() -> None:
    session: Any = Session()
    with session_settings(session, {"a": "1"}):
        with pytest.raises(RuntimeError, match="a is 1 already where 2 is wanted"):
            session_settings(session, {"a": "2"}).__enter__()
        assert session.conf == {"a": "1"}

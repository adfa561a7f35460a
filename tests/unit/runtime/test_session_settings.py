"""Settings that fit a folder of files; blocks of several threads in one session."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from dbx_dl.runtime.session_settings import batch_settings, session_settings


def test_batches_shrink_with_the_files() -> None:
    def rows(mean: float, largest: int) -> int:
        return int(next(iter(batch_settings(mean, largest).values())))

    assert rows(300, 500) == 1000
    assert rows(2**20, 2**20) == 64
    assert rows(2**20, 2**29) == 2
    assert rows(2**30, 2**31) == 1


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

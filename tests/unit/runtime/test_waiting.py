"""A terminal that is silent for a while says what is under way; the line gives way to others and leaves nothing."""

from __future__ import annotations

import io
import logging
import sys
import time

import pytest

from dbx_dl.runtime import waiting
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.waiting import ERASE, shown_waiting


class Terminal(io.StringIO):
    """Keeps what is written to it, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def _open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """stderr is a terminal, and everything goes a hundred times faster.

    No fixture: pytest puts its own stderr in place between a fixture and its test.
    """
    monkeypatch.setattr(waiting, "SILENCE_SECONDS", 0.02)
    monkeypatch.setattr(waiting, "INTERVAL_SECONDS", 0.01)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def _wait_for(terminal: Terminal, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in terminal.getvalue():
        assert time.monotonic() < deadline, f"{text!r} never came: {terminal.getvalue()!r}"
        time.sleep(0.005)


def test_what_is_under_way_is_shown_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _open_terminal(monkeypatch)
    with shown_waiting("digits: train"):
        _wait_for(terminal, "… digits: train (0 s)")
    assert terminal.getvalue().endswith(ERASE)


def test_a_log_line_stands_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _open_terminal(monkeypatch)
    logger = logging.getLogger("dbx_dl")
    before = list(logger.handlers)
    show_progress()
    try:
        with shown_waiting("digits: train"):
            _wait_for(terminal, "… digits: train")
            logger.info("epoch 1")
    finally:
        logger.handlers[:] = before
    shown, _, rest = terminal.getvalue().partition("epoch 1\n")
    assert ERASE in shown
    assert "…" not in shown.rpartition(ERASE)[2]
    assert rest == "" or rest.endswith(ERASE)


def test_what_ends_at_once_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _open_terminal(monkeypatch)
    monkeypatch.setattr(waiting, "SILENCE_SECONDS", 60)
    with shown_waiting("nothing"):
        time.sleep(0.05)
    assert terminal.getvalue() == ""


def test_a_failure_takes_it_away_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _open_terminal(monkeypatch)
    with pytest.raises(ZeroDivisionError), shown_waiting("outer"), shown_waiting("inner"):
        _wait_for(terminal, "… outer")
        raise ZeroDivisionError
    assert terminal.getvalue().endswith(ERASE) and "inner" not in terminal.getvalue()
    with shown_waiting("the next"):
        _wait_for(terminal, "… the next")


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "INTERVAL_SECONDS", 0.001)
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    with shown_waiting("digits: train"):
        time.sleep(0.05)
    assert file.getvalue() == ""

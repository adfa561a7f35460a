"""Chatter is dropped, everything else still arrives, and settings are as before."""

from __future__ import annotations

import logging
import os
import warnings

import pytest

from dbx_dl.frameworks.quiet import drop_native_chatter, drop_python_chatter


def test_native_info_lines_are_dropped_and_the_rest_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with drop_native_chatter():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
        os.write(2, b"I0000 00:00:1 port.cc:153] oneDNN custom operations are on.\nE0000 broken\nplain words")
    assert capfd.readouterr().err == "E0000 broken\nplain words"
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_native_lines_arrive_when_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), drop_native_chatter():
        os.write(2, b"the reason\n")
        raise ImportError
    assert capfd.readouterr().err == "the reason\n"


def test_python_chatter_is_dropped_for_the_block_only(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("tests.chatter")
    with warnings.catch_warnings(record=True) as caught, drop_python_chatter("tests.chatter"):
        print("progress")
        warnings.warn("deprecated", stacklevel=1)
        logger.warning("chatter")
        logger.error("matters")
    assert caught == []
    assert caplog.messages == ["matters"]
    logger.warning("after")
    assert caplog.messages == ["matters", "after"]
    assert capfd.readouterr().out == ""

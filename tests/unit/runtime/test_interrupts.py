"""Ctrl-C ends what runs in the session and arrives as KeyboardInterrupt, unless somebody else handles it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dbx_dl.runtime.interrupts import end_beside, end_jobs_on_interrupt


@pytest.fixture(autouse=True)
def default_handler() -> Iterator[None]:
    """Python's own handler, and afterwards the one that was there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(5)


def test_a_connect_session_ends_its_jobs_in_a_thread_of_its_own() -> None:
    ended: list[str] = []
    session: Any = SimpleNamespace(interruptAll=lambda: ended.append(threading.current_thread().name))
    end_jobs_on_interrupt(session)
    with pytest.raises(KeyboardInterrupt):
        _press_ctrl_c()
    assert ended == ["interrupt"]


def test_a_session_that_is_gone_does_not_hide_the_interrupt() -> None:
    def fail() -> None:
        raise ConnectionError("gone")

    session: Any = SimpleNamespace(interruptAll=fail)
    end_jobs_on_interrupt(session)
    with pytest.raises(KeyboardInterrupt):
        _press_ctrl_c()


def test_a_signal_that_somebody_else_handles_stays_theirs() -> None:
    session: Any = SimpleNamespace(interruptAll=lambda: None)
    thread = threading.Thread(target=end_jobs_on_interrupt, args=(session,))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_jobs_on_interrupt(session)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_the_interrupted_calls_connection_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is still to come, and must not be read as another call's."""
    from pyspark import SparkContext

    closed: list[str] = []
    connections = {"MainThread": SimpleNamespace(close=lambda: closed.append("MainThread"))}
    client = SimpleNamespace(get_thread_connection=lambda: connections.get(threading.current_thread().name))
    monkeypatch.setattr(SparkContext, "_gateway", SimpleNamespace(_gateway_client=client))
    end_beside(lambda: None)
    assert closed == ["MainThread"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which processes one has started")
def test_a_jvm_whose_start_is_interrupted_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark import SparkContext, java_gateway

    from dbx_dl.runtime.jvm import start_jvm

    started: list[subprocess.Popen[bytes]] = []

    def launch(*_: object, **__: object) -> None:
        started.append(subprocess.Popen(["sleep", "60"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(SparkContext, "_gateway", None)
    monkeypatch.setattr(java_gateway, "launch_gateway", launch)
    with subprocess.Popen(["sleep", "60"]) as other:
        with pytest.raises(KeyboardInterrupt):
            start_jvm(None)
        assert started[0].wait(10) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_py4j_does_not_show_where_it_was_interrupted(capfd: pytest.CaptureFixture[str]) -> None:
    """In a process of its own, whose root logger has no handler, as that of `dbx-dl`."""
    program = (
        "import logging, os, signal, threading\n"
        "from types import SimpleNamespace\n"
        "from dbx_dl.runtime.interrupts import end_jobs_on_interrupt\n"
        "end_jobs_on_interrupt(SimpleNamespace(interruptAll=lambda: None))\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    threading.Event().wait(5)\n"
        "except KeyboardInterrupt:\n"
        "    said = 'logging.exception(\"KeyboardInterrupt while sending command.\")'\n"
        "    exec(compile(said, 'java_gateway.py', 'exec'))\n"
        "    logging.getLogger('other').info('nothing that is shown')\n"
        "    logging.error('another error')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert capfd.readouterr().err == "another error\n"

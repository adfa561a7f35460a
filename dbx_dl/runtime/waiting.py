"""One line at the foot of a terminal that says what is under way and for how long, while nothing else is told."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

SILENCE_SECONDS = 2.0
INTERVAL_SECONDS = 1.0
ERASE = "\r\x1b[2K"


class WaitingLine:
    """Shows `… what (12 s)` on a terminal once it was silent for SILENCE_SECONDS, and takes it away again."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what, self._stream = what, stream
        self._began = self._told = time.monotonic()
        self._is_shown = False
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._show, name="waiting", daemon=True)
        self._thread.start()

    def give_way(self) -> None:
        """Take the line away, since another one is told now."""
        with self._lock:
            self._told = time.monotonic()
            self._erase()

    def end(self) -> None:
        """Take the line away for good."""
        self._is_over.set()
        self._thread.join()
        self.give_way()

    def _show(self) -> None:
        while not self._is_over.wait(INTERVAL_SECONDS):
            with self._lock:
                now = time.monotonic()
                if now - self._told >= SILENCE_SECONDS:
                    self._erase()
                    self._stream.write(f"… {self._what} ({now - self._began:.0f} s)")
                    self._stream.flush()
                    self._is_shown = True

    def _erase(self) -> None:
        if self._is_shown:
            self._stream.write(ERASE)
            self._stream.flush()
            self._is_shown = False


_shown: WaitingLine | None = None


@contextmanager
def shown_waiting(what: str) -> Iterator[None]:
    """Show on stderr, where that is a terminal, that `what` is under way; nothing more within another such block."""
    global _shown
    if _shown is not None or not sys.stderr.isatty():
        yield
        return
    _shown = WaitingLine(what, sys.stderr)
    try:
        yield
    finally:
        _shown.end()
        _shown = None


def give_way() -> None:
    """Take the line of the present block away, if there is one, before something else is written to stderr."""
    line = _shown
    if line is not None:
        line.give_way()

"""What ranks print: kept by the process above each rank as numbered files, repeated by the driver while they run."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, Any

from dbx_dl.train.reports import ReportWriter, follow_reports
from dbx_dl.train.run_directory import RunDirectory

logger = logging.getLogger(__name__)

MAX_KEPT_BYTES = 16 * 1024 * 1024
_MAX_LINE_BYTES = 8192
_TAIL_LINES = 20
# Files come often at first and, since a long run would leave too many, seldom later.
_MIN_SECONDS, _MAX_SECONDS, _SHARE_OF_AGE = 0.3, 10.0, 0.02
_END_SECONDS = 5.0
_LEVEL = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL): ?")


class OutputKeeper:
    """Reads the output of a rank's process in a thread; `write_if_due` and `close` write numbered files.

    After `max_bytes` lines are counted and dropped; the last ones stay in `tail`.
    """

    def __init__(self, stream: IO[bytes] | None, folder: Path, rank: int, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._stream = stream
        self._folder = folder
        self._rank = rank
        self._writer: ReportWriter | None = None
        self._room = max_bytes
        self._num_dropped = 0
        self._lines: deque[str] = deque()
        self._last_lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._started = self._written = time.monotonic()
        self._thread = threading.Thread(target=self._read, name="rank-output", daemon=True)
        self._thread.start()

    @property
    def tail(self) -> str:
        """The last lines."""
        return "\n".join(list(self._last_lines))

    def write_if_due(self) -> None:
        """Write a file when there are new lines and the last file is old enough."""
        now = time.monotonic()
        interval = min(max((now - self._started) * _SHARE_OF_AGE, _MIN_SECONDS), _MAX_SECONDS)
        if self._lines and now - self._written >= interval:
            self._write()
            self._written = now

    def close(self) -> None:
        """Write what is left; the process has ended, or nothing it says counts any more."""
        self._thread.join(_END_SECONDS)
        if self._stream is not None and not self._thread.is_alive():
            self._stream.close()
        if self._num_dropped:
            self._lines.append(f"… {self._num_dropped} more lines were not kept")
        self._write()

    def _read(self) -> None:
        if self._stream is None:
            return
        # A closed stream ends the thread; a progress bar that never ends its line comes in pieces.
        with suppress(ValueError, OSError):
            while line := self._stream.readline(_MAX_LINE_BYTES):
                self._keep(line)

    def _keep(self, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        self._last_lines.append(text)
        if self._room >= len(line):
            self._room -= len(line)
            self._lines.append(text)
        else:
            self._room = 0
            self._num_dropped += 1

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if not lines:
            return
        # A full disk must not end a run that trains well otherwise.
        with suppress(OSError):
            if self._writer is None:
                self._writer = ReportWriter(self._folder)
            self._writer.write(*({"kind": "output", "rank": self._rank, "line": line} for line in lines))


def follow_output(directory: RunDirectory, num_ranks: int) -> AbstractContextManager[None]:
    """Inside the block every line that a rank prints is logged as `[rank 1] …`, at the level that it begins with."""

    def handle(record: dict[str, Any]) -> None:
        level, line = read_level(str(record["line"]))
        logger.log(level, "[rank %d] %s", record["rank"], line)

    return follow_reports([directory.output(rank) for rank in range(num_ranks)], handle, only_new=True)


def read_level(line: str) -> tuple[int, str]:
    """The level that a printed line names first, INFO where it names none, and the line without it."""
    found = _LEVEL.match(line)
    if found is None:
        return logging.INFO, line
    return logging.getLevelNamesMapping()[found[1]], line[found.end() :]

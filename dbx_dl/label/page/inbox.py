"""The inbox of a page: label events as lines of files, on disk before `append` returns, taken into the table later.

Each server writes files of its own (`*.jsonl`, as `ingest_labels` reads them), so that two never meet. A line counts
once its line break is there: half a line, which a killed server or a full disk left, was never answered.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from dbx_dl.contracts import LabelEvent
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.label.inbox import INBOX_PATTERN


class LabelInbox:
    """What one server adds to the inbox; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"the inbox {folder} cannot be made: {error.strerror}") from None
        self.folder = folder
        self._stem = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        self._num_files = 0
        self._num_written = 0
        self._file: _LabelFile | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    @property
    def num_written(self) -> int:
        """How many events this server wrote."""
        return self._num_written

    def has_written(self, path: Path) -> bool:
        """Whether a file of the inbox is this server's own."""
        return path.name.startswith(f"{self._stem}-")

    def append(self, event: LabelEvent) -> None:
        """Write the event, durably; DataError where the disk does not take it, and then it is to be sent again."""
        line = (event.model_dump_json() + "\n").encode()
        with self._lock:
            if self._is_closed:
                raise DataError("the label is not saved: the server is being stopped")
            try:
                if self._file is None:
                    self._num_files += 1
                    self._file = _LabelFile(self.folder, f"{self._stem}-{self._num_files:04d}.jsonl")
                self._file.append(line)
                self._num_written += 1
            except OSError as error:
                self._give_up_file()
                reason = f"the label is not saved, {self.folder} cannot be written: {error.strerror}"
                raise DataError(reason) from None

    def close(self) -> None:
        """Take no further event."""
        with self._lock:
            self._is_closed = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def _give_up_file(self) -> None:
        """After a failed write or sync nothing is known of the file's end: the next event begins another file."""
        file, self._file = self._file, None
        if file is not None:
            file.cut()
            # A drive may tell of what failed before once more.
            with suppress(OSError):
                file.close()


class _LabelFile:
    """A file that only this object writes."""

    def __init__(self, folder: Path, name: str) -> None:
        self._size_bytes = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._handle = os.open(folder / name, flags, 0o600)
        try:
            _sync_folder(folder)
        except OSError:
            self.close()
            raise

    def append(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        os.fsync(self._handle)
        self._size_bytes += len(line)

    def cut(self) -> None:
        """Take away what was not written whole, if the disk lets it."""
        with suppress(OSError):
            os.ftruncate(self._handle, self._size_bytes)

    def close(self) -> None:
        os.close(self._handle)


class InboxReader:
    """Reads what came into an inbox, each event once.

    With `own` it leaves out what this server wrote: that is known, and what it could not sync does not count.
    """

    def __init__(self, folder: Path, own: LabelInbox | None = None) -> None:
        self._folder, self._own = folder, own
        self._ends: dict[str, int] = {}

    def read_new(self) -> Iterator[LabelEvent]:
        """The events since the last call, file by file; what is no event is left out: `ingest_labels` tells of it."""
        for path in sorted(self._folder.glob(INBOX_PATTERN)):
            if self._own is None or not self._own.has_written(path):
                yield from self._read_file(path)

    def _read_file(self, path: Path) -> Iterator[LabelEvent]:
        start = self._ends.get(path.name, 0)
        try:
            with path.open("rb") as file:
                file.seek(start)
                content = file.read()
        except FileNotFoundError:  # taken away since it was listed
            return
        *lines, rest = content.split(b"\n")
        self._ends[path.name] = start + len(content) - len(rest)
        for line in lines:
            with suppress(ValidationError):
                yield LabelEvent.model_validate_json(line)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

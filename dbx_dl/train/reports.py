"""Ranks report through numbered JSON-lines files, written whole, which the driver follows while they run."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbx_dl.runtime.whole_files import write_whole

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
Record = dict[str, Any]


class ReportWriter:
    """Writes records into `<folder>/000001.jsonl`, `000002.jsonl`, …: no appends, which some storage refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # A rank that is launched once more goes on behind what it wrote before.
        self._num_written = count_reports(folder)

    def write(self, *records: Mapping[str, Any]) -> None:
        """One more file with these records; readers see all of it or nothing."""
        self._num_written += 1
        with write_whole(self._folder / f"{self._num_written:06d}.jsonl") as partial:
            partial.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


class ReportReader:
    """Reads the records of one rank's folder in order, each once, from the file behind the first `num_read`."""

    def __init__(self, folder: Path, num_read: int = 0) -> None:
        self._folder = folder
        self._num_read = num_read

    def read_new(self) -> list[Record]:
        """Records that were written since the last call."""
        records: list[Record] = []
        while (path := self._folder / f"{self._num_read + 1:06d}.jsonl").exists():
            records += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            self._num_read += 1
        return records


def count_reports(folder: Path) -> int:
    """The number of the last file in a folder of reports, 0 for none."""
    return max((int(path.stem) for path in folder.glob("*.jsonl") if path.stem.isdigit()), default=0)


@contextmanager
def follow_reports(folders: list[Path], handle: Callable[[Record], None], *, only_new: bool = False) -> Iterator[None]:
    """Call `handle` for every record of these folders, from one thread, until the block is left and all are read.

    With `only_new`, what was there before the block is left out. An exception of `handle` is logged and does not stop
    the run that is being followed.
    """
    readers = [ReportReader(folder, count_reports(folder) if only_new else 0) for folder in folders]
    is_over = threading.Event()

    def follow() -> None:
        while not is_over.wait(_POLL_SECONDS):
            _handle_new(readers, handle)
        _handle_new(readers, handle)

    thread = threading.Thread(target=follow, name="follow-reports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _handle_new(readers: list[ReportReader], handle: Callable[[Record], None]) -> None:
    for reader in readers:
        for record in reader.read_new():
            try:
                handle(record)
            except Exception as error:
                logger.warning("a report of the ranks could not be handled: %s", error)

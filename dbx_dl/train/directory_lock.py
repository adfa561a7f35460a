"""One training at a time in a directory: a second one would take away the checkpoints and reports of the first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dbx_dl.errors import ConfigError


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder; ConfigError where another training does.

    The folder itself is locked, so that nothing is left in it. The kernel gives it back when the process ends, however
    that is. Storage that knows no locks is used without.
    """
    with ExitStack() as opened:
        # What is wrong with a folder that cannot be written, what follows says.
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            place = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, place)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"another training works in {folder}: wait for its end, or give this one a directory of its own"
                ) from None
        yield

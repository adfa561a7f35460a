"""Keep libraries' start-up and export chatter off the terminal without losing what matters."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import IO

_NATIVE_CHATTER = re.compile(rb"^(WARNING: All log messages before absl|I\d{4} )")


@contextmanager
def drop_native_chatter() -> Iterator[None]:
    """Hold back what native code writes to stderr, drop INFO lines of its logger, pass on everything else.

    TensorFlow writes INFO lines before any setting can reach its logger, so they are taken out on the way.
    """
    sys.stderr.flush()
    try:
        terminal = os.dup(2)
    except OSError:  # no stderr at all: nothing to keep quiet
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            _pass_on(held)


@contextmanager
def drop_python_chatter(*logger_names: str) -> Iterator[None]:
    """Without Python warnings, printed progress, and the named loggers' messages under ERROR."""
    loggers = [logging.getLogger(name) for name in logger_names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _pass_on(held: IO[bytes]) -> None:
    held.seek(0)
    for line in held:
        if not _NATIVE_CHATTER.match(line):
            os.write(2, line)

"""Starts the JVM of a local session, without the lines that it prints about itself."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import SetupError

if TYPE_CHECKING:
    from pyspark import SparkConf

# What a JVM says of JDK_JAVA_OPTIONS and JAVA_TOOL_OPTIONS, whatever follows.
_GREETINGS = ("NOTE: Picked up ", "Picked up ")


def start_jvm(conf: SparkConf) -> None:
    """Start this process' JVM with `conf`, unless it has one; SetupError with its last words when it dies."""
    from pyspark import SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is not None:
        return
    others = _list_children()
    reading, writing = os.pipe()
    relay = _StderrRelay(reading)
    relay.start()
    try:
        gateway = launch_gateway(conf, popen_kwargs={"stderr": writing})
    except PySparkRuntimeError:
        gateway = None
    except BaseException:
        # A JVM that finds nobody to report to stays.
        for pid in _list_children() - others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(writing)
    if gateway is None:
        relay.join(timeout=5)
        said = " | ".join(relay.last_lines) or "it printed nothing"
        raise SetupError(f"Spark's JVM did not start ({said})", "check driver_memory, settings and Java")
    relay.is_started.set()
    SparkContext._ensure_initialized(gateway=gateway)


def _list_children() -> set[int]:
    """The processes that this one has started and that live; none where the system does not tell."""
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        # A thread may have ended since.
        with suppress(OSError):
            found.update(map(int, path.read_text().split()))
    return found


class _StderrRelay(threading.Thread):
    """Passes the JVM's stderr on to ours once it has started; what it printed before is kept for an error."""

    def __init__(self, reading: int) -> None:
        super().__init__(name="jvm-stderr", daemon=True)
        self.is_started = threading.Event()
        self.last_lines: deque[str] = deque(maxlen=5)
        self._reading = reading

    def run(self) -> None:
        with os.fdopen(self._reading, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if self.is_started.is_set():
                    sys.stderr.write(line)
                elif not line.startswith(_GREETINGS):
                    self.last_lines.append(line.strip())

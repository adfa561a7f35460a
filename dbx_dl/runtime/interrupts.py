"""Ctrl-C while Spark works: what runs in the session ends, and the interrupt arrives in Python as one."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

_END_SECONDS = 5.0


def start_context(conf: SparkConf) -> None:
    """Start this process' SparkContext, unless it has one, so that Ctrl-C ends its jobs wherever it interrupts Python.

    PySpark's handler of the signal, which is there from now on, asks the JVM to cancel all jobs over the connection on
    which the interrupted call waits for its answer: it fails, and an error of py4j's comes in the interrupt's place.
    """
    from pyspark import SparkContext

    class InterruptibleContext(SparkContext):  # type: ignore[misc]
        """Cancels jobs in the middle of another call, too."""

        def cancelAllJobs(self) -> None:
            end_beside(super().cancelAllJobs)

    # Until PySpark's handler is there, the interrupt comes as it is.
    logging.getLogger().addFilter(_is_other_than_py4js)
    if SparkContext._active_spark_context is None:
        InterruptibleContext(conf=conf)


def end_jobs_on_interrupt(spark: SparkSession) -> None:
    """Make Ctrl-C end what runs in a session of Spark Connect, whose server would go on, and raise KeyboardInterrupt.

    Only in the main thread, where signals arrive, and where nobody else handles this one.
    """

    def interrupt(*_: object) -> NoReturn:
        end_beside(spark.interruptAll)
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def end_beside(end: Callable[[], object]) -> None:
    """Call `end` in a thread, which has a connection of its own, and leave the one of the call that was interrupted."""

    def end_quietly() -> None:
        # The session may have ended, or its server be gone: the interrupt counts all the same.
        with suppress(Exception):
            end()

    ending = threading.Thread(target=end_quietly, name="interrupt", daemon=True)
    ending.start()
    ending.join(_END_SECONDS)
    _leave_connection()
    _leave_out_py4js_traceback()


def _leave_connection() -> None:
    """Close this thread's connection to the JVM, if it has one; its next call opens another.

    Else the answer that is still to come is read as that of the next call, or py4j closes that one's connection.
    """
    from pyspark import SparkContext

    client = getattr(SparkContext._gateway, "_gateway_client", None)
    connection = None if client is None else client.get_thread_connection()
    if connection is not None:
        connection.close()


def _leave_out_py4js_traceback() -> None:
    """py4j logs to the root logger where it was interrupted."""
    root = logging.getLogger()
    if not root.handlers and logging.lastResort is not None:
        # Else `logging` gives it a handler that shows every line of every library.
        root.addHandler(logging.lastResort)
    root.addFilter(_is_other_than_py4js)


def _is_other_than_py4js(record: logging.LogRecord) -> bool:
    return record.module != "java_gateway" or not str(record.msg).startswith("KeyboardInterrupt")

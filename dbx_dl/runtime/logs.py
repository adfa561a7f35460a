"""Progress on the terminal: what the package logs, each line with the seconds since the command began."""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings

from dbx_dl.runtime.waiting import give_way

# Third parties that tell their own story at INFO or WARNING, in the driver as in the processes it starts.
_NOISY = (
    "py4j",
    "pyspark",
    "mlflow",
    "alembic",
    "sqlalchemy",
    "tensorflow",
    "absl",
    "h5py",
    "matplotlib",
    "onnxscript",
)
_QUIET_VARIABLES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def show_progress(verbose: bool = False) -> None:
    """Write the package's log lines to stderr from INFO on (DEBUG, and everyone's warnings, when verbose).

    Calling it again replaces the earlier set-up and starts the clock anew.
    """
    logger = logging.getLogger("dbx_dl")
    for handler in [handler for handler in logger.handlers if isinstance(handler, _ProgressHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(_ProgressHandler())
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    if not verbose:
        _quiet_third_parties()


def show_rank_logs() -> None:
    """In a rank's process: write the package's log lines from INFO on, with their level, for the driver to repeat."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger("dbx_dl")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _quiet_third_parties() -> None:
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name, value in _QUIET_VARIABLES.items():
        os.environ.setdefault(name, value)
    for category in (DeprecationWarning, FutureWarning, UserWarning):
        warnings.simplefilter("ignore", category)


class _ProgressHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Lines such as `  12.3 s  epoch 3 of 10`; warnings and errors say that they are."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self._began = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        give_way()
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        mark = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        return f"{time.monotonic() - self._began:7.1f} s  {mark}{super().format(record)}"

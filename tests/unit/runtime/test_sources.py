"""What a Python worker told is what the caller is told, with the kind of error that it was."""

from __future__ import annotations

import pytest

from dbx_dl.errors import DataError, DbxDlError, SetupError
from dbx_dl.runtime.sources import explain_read_errors

TRACE = """[PYTHON_EXCEPTION] An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "audio.py", line 1, in load_decoder
dbx_dl.errors.{}: cannot be decoded here: install it
    at org.apache.spark.api.python.BasePythonRunner
"""


@pytest.mark.parametrize("kind", [DataError, SetupError])
def test_errors_of_workers_keep_their_kind_and_words(kind: type[DbxDlError]) -> None:
    with pytest.raises(kind, match=r"^cannot be decoded here: install it$"), explain_read_errors("it"):
        raise RuntimeError(TRACE.format(kind.__name__))
    with pytest.raises(kind, match="own"), explain_read_errors("it"):
        raise kind("own")


def test_what_no_worker_of_dbx_dl_told_stays() -> None:
    with pytest.raises(RuntimeError, match=r"^boom$"), explain_read_errors("it"):
        raise RuntimeError("boom")
    with pytest.raises(DataError, match="it cannot be read: "), explain_read_errors("it"):
        raise RuntimeError("FAILED_READ_FILE of a")

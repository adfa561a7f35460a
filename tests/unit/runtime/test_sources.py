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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[CAST_INVALID_INPUT] The value \'a\' of the type "STRING" cannot be cast to "INT". SQLSTATE: 22018\n'
            '== DataFrame ==\n"where" was called',
            '[CAST_INVALID_INPUT] The value \'a\' of the type "STRING" cannot be cast to "INT"',
        ),
        (
            "An error occurred while calling o1.save.\n: org.apache.spark.SparkException: Job aborted\nCaused by: "
            "org.apache.spark.SparkArithmeticException: [DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012\n\tat x",
            "[DIVIDE_BY_ZERO] Division by zero",
        ),
        (
            "[USER_RAISED_EXCEPTION] 'false' is not true! SQLSTATE: P0001",
            "[USER_RAISED_EXCEPTION] 'false' is not true!",
        ),
    ],
)
def test_values_that_an_expression_cannot_take_are_told(text: str, told: str) -> None:
    with pytest.raises(DataError) as caught, explain_read_errors("source a"):
        raise RuntimeError(text)
    assert str(caught.value) == f"source a cannot be read: {told}"

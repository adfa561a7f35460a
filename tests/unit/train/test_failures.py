"""Which of several failures is the cause, and what the driver says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import ConfigError, DataError, RankFailedError
from dbx_dl.train.failures import explain_failure, read_failures, record_exception, record_failure
from dbx_dl.train.run_directory import RunDirectory


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def raise_and_record(directory: RunDirectory, rank: int, error: Exception) -> None:
    try:
        raise error
    except Exception as caught:
        record_exception(directory, rank, caught)


def test_the_cause_comes_before_its_effects(directory: RunDirectory) -> None:
    raise_and_record(directory, 0, RuntimeError("[gloo/transport/tcp/pair.cc] Connection closed by peer"))
    raise_and_record(directory, 1, ValueError("column 7 is odd"))
    assert [failure.rank for failure in read_failures(directory, 2)] == [1, 0]
    error = explain_failure(directory, 2, RuntimeError("Job aborted"))
    assert isinstance(error, RankFailedError)
    assert "rank 1 of 2 failed: ValueError: column 7 is odd" in str(error)
    assert "in raise_and_record" in str(error)


def test_a_mistake_of_the_user_keeps_its_class_and_a_short_message(directory: RunDirectory) -> None:
    raise_and_record(directory, 1, ConfigError("unknown network 'lenet'"))
    error = explain_failure(directory, 2, RuntimeError("Job aborted"))
    assert type(error) is ConfigError
    assert str(error) == "unknown network 'lenet'"
    assert "on rank 1 of 2" in error.__notes__[0]
    assert "in raise_and_record" in error.__notes__[0]


def test_a_subclass_defined_elsewhere_keeps_the_known_class(directory: RunDirectory) -> None:
    from dbx_dl.transforms.images import UndecodableImageError

    raise_and_record(directory, 0, UndecodableImageError("truncated", "half is missing"))
    assert isinstance(explain_failure(directory, 1, RuntimeError()), DataError)


def test_the_first_word_of_a_rank_stands(directory: RunDirectory) -> None:
    raise_and_record(directory, 0, ValueError("the cause"))
    record_failure(directory, 0, "its process exited with code 1")
    (failure,) = read_failures(directory, 1)
    assert failure.message == "ValueError: the cause"


def test_without_a_word_of_any_rank_sparks_account_is_used(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbx_dl.train.failures.WAIT_FOR_CAUSE_SECONDS", 0.0)
    through_spark = RuntimeError(
        'Job aborted\n  File "barrier.py", line 1\n'
        "dbx_dl.errors.RankFailedError: rank 1 of 2 failed: boom\nits traceback\n\n"
        "\tat org.apache.spark.api.python.BasePythonRunner(PythonRunner.scala:1)"
    )
    error = explain_failure(directory, 2, through_spark)
    assert isinstance(error, RankFailedError)
    assert str(error) == "rank 1 of 2 failed: boom\nits traceback"
    missing = explain_failure(directory, 2, RuntimeError("dbx_dl.errors.DataError: /run does not exist on host b"))
    assert isinstance(missing, DataError)
    lost = explain_failure(directory, 2, RuntimeError("Python worker exited unexpectedly (crashed)\n more"))
    assert isinstance(lost, RankFailedError)
    assert "Python worker exited unexpectedly" in str(lost)

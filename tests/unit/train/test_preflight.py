"""What is said of executors that differ from the driver, and of a directory that they do not share."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.installations import (
    Installation,
    describe_difference,
    describe_installation,
    explain_spark_failure,
)
from dbx_dl.train.preflight import _mark, describe_directory

HERE = Installation("driver", "3.11.7", {"dbx_dl": "1.0", "torch": "2.9.0", "horovod": "0.28.1", "keras": None})


def test_equal_installations_differ_in_nothing() -> None:
    versions = {"dbx_dl": "1.0", "torch": "2.9.0+cpu", "horovod": "0.28.1"}
    assert describe_difference(HERE, Installation("b", "3.11.9", versions)) == ""
    found = describe_installation(("numpy", "no-such-package"))
    assert found.versions["numpy"]
    assert found.versions["no-such-package"] is None
    assert describe_difference(found, found) == ""


def test_the_host_and_both_versions_are_named() -> None:
    versions = {"dbx_dl": "1.0", "torch": "2.8.0", "keras": "3.1"}
    assert describe_difference(HERE, Installation("b", "3.12.1", versions)) == (
        "executor b has Python 3.12, torch 2.8.0, horovod not installed, keras 3.1; "
        "the driver has Python 3.11, torch 2.9.0, horovod 0.28.1, keras not installed"
    )


def test_what_is_wrong_with_a_directory(tmp_path: Path) -> None:
    with _mark(tmp_path / "run") as mark:
        assert describe_directory(mark) == ""
        assert [path.name for path in mark.parent.iterdir()] == [mark.name]
        assert describe_directory(tmp_path / mark.name) == "is another directory"
        assert describe_directory(tmp_path / "elsewhere" / mark.name) == "does not exist"
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_the_driver_cannot_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"directory .*file/run cannot be written"), _mark(tmp_path / "file" / "run"):
        pass


def test_sparks_own_errors_are_put_in_a_line() -> None:
    missing = explain_spark_failure(RuntimeError("Job aborted\nModuleNotFoundError: No module named 'dbx_dl'\n\tat x"))
    assert str(missing).startswith("dbx_dl is not installed on the executors: install dbx_dl ")
    other = explain_spark_failure(
        RuntimeError("[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12")
    )
    assert "the executors run another Python" in str(other)
    assert str(explain_spark_failure(RuntimeError("\nboom\nmore"))).endswith("(boom)")

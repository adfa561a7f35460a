"""A user's own function on ranks: from a module, from a notebook, and when it fails."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dbx_dl
from dbx_dl.errors import ConfigError, DataError, RankFailedError, SetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOTEBOOK = """
import numpy as np

offset = np.arange(3)

class Shift:
    def __call__(self, by):
        return offset + by

def shift(by):
    print("shifting by", by)
    return {"shifted": Shift()(by)}
"""


def average_ranks(start: float) -> dict[str, Any]:
    """What a user writes: Horovod, then a value."""
    import horovod.torch as hvd
    import torch

    hvd.init()
    average = hvd.allreduce(torch.tensor([start + hvd.rank()]), op=hvd.Average)
    return {"average": average.numpy(), "size": hvd.size()}


def read_place() -> list[str]:
    """What torch's own launcher would set."""
    return [os.environ[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR")]


def test_a_functions_value_and_lines_come_back(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value = dbx_dl.launch_ranks(spark, average_ranks, 2, start=3.0)
    assert value["size"] == 2
    np.testing.assert_array_equal(value["average"], np.float32([3.5]))
    # As a notebook's cells are run: its names belong to __main__ and to no file.
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(NOTEBOOK, cell)
    with caplog.at_level(logging.INFO, "dbx_dl"):
        shifted = dbx_dl.launch_ranks(spark, cell["shift"], 2, directory=str(tmp_path), by=2.5)
    np.testing.assert_array_equal(shifted["shifted"], [2.5, 3.5, 4.5])
    assert {"[rank 0] shifting by 2.5", "[rank 1] shifting by 2.5"} <= set(caplog.messages)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "value.npz"]


def test_other_launchers_run_the_same_function(spark: SparkSession) -> None:
    assert dbx_dl.launch_ranks(spark, read_place, 2, launcher="torch_ddp") == ["0", "2", "0", "127.0.0.1"]
    assert dbx_dl.launch_ranks(spark, lambda: os.environ.get("HOROVOD_RANK"), 1, launcher="in_process") is None


def test_a_failing_function_brings_its_traceback(spark: SparkSession) -> None:
    def divide(by: int) -> float:
        return 1 / by

    with pytest.raises(RankFailedError, match=r"(?s)^rank 0 of 1 failed: ZeroDivisionError.*in divide"):
        dbx_dl.launch_ranks(spark, divide, 1, by=0)
    with pytest.raises(DataError, match="a rank's function returned a set"):
        dbx_dl.launch_ranks(spark, lambda: {1}, 1)


def test_what_cannot_be_sent_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match="cannot be sent to ranks"):
        dbx_dl.launch_ranks(spark, lambda: spark.range(1), 1)
    with pytest.raises(ConfigError, match="unknown launcher 'mpi': choose one of in_process, spark"):
        dbx_dl.launch_ranks(spark, len, 1, launcher="mpi")


def test_packages_unlike_the_drivers_are_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "numpy-0.0.1.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Name: numpy\nVersion: 0.0.1\n", encoding="utf-8")
    # Tasks have a path of their own, from the session's start.
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SetupError, match=rf"has numpy {np.__version__}; the driver has numpy 0\.0\.1: install"):
        dbx_dl.launch_ranks(spark, len, 1)

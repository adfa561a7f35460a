"""Launches on Spark Connect with executors as separate JVMs, in a process of its own: one has one kind of session."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.ranks.clusters import link_spark_home
from tests.ranks.observing import is_running, read_reports, wait_until

DRIVER = """
import logging
import os
import sys
import zipfile
from pathlib import Path

import numpy as np

import dbx_dl
from dbx_dl.config import SparkConfig, TrainConfig
from dbx_dl.errors import ConfigError, RankFailedError, SetupError
from dbx_dl.runtime.spark import open_session
from dbx_dl.runtime.connect import is_connect
from dbx_dl.train.launch import check_launch, launch
from dbx_dl.train.preflight import check_executors
from tests.ranks.observing import program_of

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
folder = Path(sys.argv[1])
settings = {"spark.api.mode": "connect", "spark.executor.cores": "1"}
spark = open_session(SparkConfig(master="local-cluster[2,1,1024]", driver_memory="1g", settings=settings), "connect")
assert is_connect(spark)

launch(spark, program_of("sum_ranks", folder / "sum"), "spark")

factor = np.arange(3)

def multiply(by):
    print("multiplying")
    return {"result": factor * by, "rank": int(os.environ["HOROVOD_RANK"]), "tuple": (1, None)}

value = dbx_dl.launch_ranks(spark, multiply, 2, by=2.5)
assert value["result"].tolist() == [0.0, 2.5, 5.0] and value["rank"] == 0 and value["tuple"] == [1, None], value

def refuse():
    raise KeyError("not here")

for fail in (
    lambda: launch(spark, program_of("fail_on_rank_1", folder / "fail"), "spark"),
    lambda: dbx_dl.launch_ranks(spark, refuse, 1),
):
    try:
        fail()
    except RankFailedError as error:
        print("failed as", error)
    else:
        raise AssertionError("nothing failed")

def check(launcher, num_ranks):
    check_launch(spark, TrainConfig(network="mlp", num_ranks=num_ranks, launcher=launcher))

def change_executors():
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("numpy-0.0.1.dist-info/METADATA", "Name: numpy\\nVersion: 0.0.1\\n")
    spark.addArtifacts(str(folder / "other.zip"), pyfile=True)
    # It goes to the driver's own path too, which is to stay as it was.
    sys.path[:] = [entry for entry in sys.path if not entry.endswith("other.zip")]
    check_executors(spark, ("numpy",), folder)

check_executors(spark, ("numpy", "horovod"), folder)
for refused, kind in (
    (lambda: check("spark", 3), SetupError),
    (lambda: check("horovod_spark", 2), ConfigError),
    (change_executors, SetupError),
):
    try:
        refused()
    except kind as error:
        print("refused:", error)
    else:
        raise AssertionError("nothing was refused")
spark.stop()
"""


@pytest.fixture
def taken_port() -> Iterator[None]:
    """Spark Connect's usual port is in use, as by another notebook."""
    with socket.socket() as server:
        with suppress(OSError):
            server.bind(("127.0.0.1", 15002))
            server.listen()
        yield


def test_ranks_are_launched_on_spark_connect(tmp_path: Path, taken_port: None) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "SPARK_HOME": link_spark_home(tmp_path / "spark_home"),
    }
    command = [sys.executable, "-c", DRIVER, str(tmp_path)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
    sums = [records[0] for records in read_reports(tmp_path / "sum")]
    assert [record["sum"] for record in sums] == [3.0, 3.0]
    assert sums[0]["parent"] != sums[1]["parent"], "both ranks ran in one JVM"
    for line in (
        "[rank 1] rank 1 of 2 has met the others",
        "[rank 1] multiplying",
        "failed as rank 1 of 2 failed: ValueError: cannot reshape",
        "in fail_on_rank_1",
        "failed as rank 0 of 1 failed: KeyError: 'not here'",
        "in refuse",
        "refused: num_ranks is 3, but Spark runs 2 tasks at once",
        "refused: launcher horovod_spark needs classic Spark",
        "has numpy 0.0.1; the driver has numpy",
    ):
        assert line in finished.stdout, (line, finished.stdout)
    pids = [records[0]["pid"] for records in read_reports(tmp_path / "fail")]
    wait_until(lambda: not any(map(is_running, pids)), 30)

"""The same launch on Spark Connect, in a process of its own since a process has one kind of session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.ranks.observing import is_running, read_reports, wait_until

DRIVER = """
import sys
from pathlib import Path
from dbx_dl.config import SparkConfig, TrainConfig
from dbx_dl.errors import ConfigError, RankFailedError, SetupError
from dbx_dl.runtime.spark import open_session
from dbx_dl.train.launch import check_launch, is_connect, launch
from tests.ranks.observing import program_of

folder = Path(sys.argv[1])
spark = open_session(SparkConfig(driver_memory="1g", settings={"spark.api.mode": "connect"}), "connect")
assert is_connect(spark)
launch(spark, program_of("sum_ranks", folder / "sum"), "spark")
try:
    launch(spark, program_of("fail_on_rank_1", folder / "fail"), "spark")
except RankFailedError as error:
    assert str(error).startswith("rank 1 of 2 failed: ValueError: cannot reshape"), error
    assert "in fail_on_rank_1" in str(error), error
else:
    raise AssertionError("nothing failed")
for launcher, num_ranks, kind in (("spark", 3, SetupError), ("horovod_spark", 2, ConfigError)):
    try:
        check_launch(spark, TrainConfig(network="mlp", num_ranks=num_ranks, launcher=launcher))
    except kind as error:
        print(error)
    else:
        raise AssertionError(launcher)
spark.stop()
"""


def test_ranks_are_launched_on_spark_connect(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, "-c", DRIVER, str(tmp_path)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert "num_ranks is 3, but Spark runs 2 tasks at once" in finished.stdout
    assert "needs classic Spark" in finished.stdout
    assert [records[0]["sum"] for records in read_reports(tmp_path / "sum")] == [3.0, 3.0]
    pids = [records[0]["pid"] for records in read_reports(tmp_path / "fail")]
    wait_until(lambda: not any(map(is_running, pids)), 30)

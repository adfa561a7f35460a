"""Ranks on two hosts: network namespaces with a cable between them, a Spark worker in each, the driver in one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.ranks.clusters import link_spark_home
from tests.ranks.observing import read_reports

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(shutil.which("ip") is None or os.geteuid() != 0, reason="needs root and iproute2's ip"),
]

NAMES = ("dbxdl_a", "dbxdl_b")
ADDRESSES = ("10.87.61.1", "10.87.61.2")
MASTER = f"spark://{ADDRESSES[0]}:7077"
DRIVER = """
import logging
import os
import sys
from pathlib import Path

import dbx_dl
from dbx_dl.config import SparkConfig
from dbx_dl.errors import ConfigError
from dbx_dl.runtime.spark import open_session
from dbx_dl.train.launch import launch
from dbx_dl.train.preflight import check_executors
from tests.ranks.observing import program_of

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
folder, master, address = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = {
    "spark.driver.host": address,
    "spark.driver.bindAddress": address,
    "spark.executor.memory": "1g",
    "spark.executor.cores": "1",
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "60s",
    "spark.cores.max": "2",
}
spark = open_session(SparkConfig(master=master, driver_memory="1g", settings=settings), "hosts")

def name_interfaces():
    import torch
    from torch import distributed

    distributed.init_process_group("gloo")
    total = torch.ones(1)
    distributed.all_reduce(total)
    print("on", os.environ["GLOO_SOCKET_IFNAME"])
    # An open group's threads may abort the process when it ends.
    distributed.destroy_process_group()
    return [float(total[0]), os.environ["MASTER_ADDR"], os.environ["LOCAL_WORLD_SIZE"]]

launch(spark, program_of("sum_ranks", folder / "shared"), "spark")
# The second host sees another, empty folder in place of this one.
print(dbx_dl.launch_ranks(spark, name_interfaces, 2, launcher="torch_ddp", directory=str(folder / "private")))
try:
    check_executors(spark, ("numpy",), folder / "private")
except ConfigError as error:
    print("refused:", error)
spark.stop()
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


@contextmanager
def two_hosts() -> Iterator[None]:
    """Two namespaces with one cable; the machine's own name means the loopback in both, which reaches no other."""
    try:
        for name in NAMES:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run(
            "ip",
            "link",
            "add",
            NAMES[0],
            "netns",
            NAMES[0],
            "type",
            "veth",
            "peer",
            "name",
            NAMES[1],
            "netns",
            NAMES[1],
        )
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", name)
            run("ip", "-n", name, "link", "set", name, "up")
    except subprocess.CalledProcessError as error:
        remove_hosts()
        pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
    try:
        yield
    finally:
        remove_hosts()


def remove_hosts() -> None:
    for name in NAMES:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@contextmanager
def started(host: str, script: str, environment: dict[str, str]) -> Iterator[None]:
    """A shell script on a host, ended with everything that it started."""
    command = ["ip", "netns", "exec", host, "sh", "-ec", script]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_ranks_on_two_hosts_meet_on_the_cable_between_them(tmp_path: Path) -> None:
    home = link_spark_home(tmp_path / "spark_home")
    private = tmp_path / "private"
    private.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "SPARK_HOME": home,
        "PYSPARK_PYTHON": sys.executable,
    }
    deploy = f"exec {home}/bin/spark-class org.apache.spark.deploy"
    master = f"{deploy}.master.Master --host {ADDRESSES[0]} --port 7077 --webui-port 0"
    worker = f"{deploy}.worker.Worker {MASTER} --cores 1 --memory 1g --webui-port 0 --work-dir {tmp_path}/work"
    with ExitStack() as cluster:
        cluster.enter_context(two_hosts())
        cluster.enter_context(started(NAMES[0], master, environment))
        cluster.enter_context(started(NAMES[0], f"{worker} --host {ADDRESSES[0]}", environment))
        other = f"mount -t tmpfs tmpfs {private}; {worker} --host {ADDRESSES[1]}"
        cluster.enter_context(started(NAMES[1], other, environment))
        driver = ["ip", "netns", "exec", NAMES[0], sys.executable, "-c", DRIVER, str(tmp_path), MASTER, ADDRESSES[0]]
        finished = subprocess.run(driver, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
    sums = [records[0] for records in read_reports(tmp_path / "shared")]
    assert [record["sum"] for record in sums] == [3.0, 3.0]
    assert sums[0]["parent"] != sums[1]["parent"]
    printed = finished.stdout
    assert f"{private} is another directory on" in printed
    assert sorted(line for line in printed.splitlines() if "] on " in line) in (
        [f"[rank 0] on {NAMES[0]}", f"[rank 1] on {NAMES[1]}"],
        [f"[rank 0] on {NAMES[1]}", f"[rank 1] on {NAMES[0]}"],
    )
    assert any(f"[2.0, '{address}', '1']" in printed for address in ADDRESSES)
    assert "refused:" in printed
    assert "keep the run's directory on storage that the driver and every executor share" in printed

"""Opens the Spark session: Databricks' own, one that is active already, or a local one with Delta."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import SetupError
from dbx_dl.runtime import worker_daemon
from dbx_dl.runtime.connect import start_connect_session
from dbx_dl.runtime.databricks import get_session, is_databricks
from dbx_dl.runtime.interrupts import end_jobs_on_interrupt, start_context
from dbx_dl.runtime.jars import find_jars
from dbx_dl.runtime.java import require_java
from dbx_dl.runtime.jvm import start_jvm
from dbx_dl.runtime.slots import cores_of_local_master
from dbx_dl.runtime.waiting import shown_waiting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import SparkConfig


def open_session(config: SparkConfig, app_name: str) -> SparkSession:
    """The session to work on; where none is active, a local one with Delta whose workers run this very Python.

    `config` only counts for a session that is started here; Ctrl-C ends what runs in it. A master `sc://host:port`
    connects to a Spark Connect server. SetupError, before any JVM starts, when pyspark, Java or one of Delta's jars is
    missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SetupError("pyspark is not installed in this Python", "pip install 'dbx_dl[spark]'") from None
    active = find_active_session()
    if active is not None:
        return active
    if is_databricks():
        return get_session()
    if config.master.startswith("sc://"):
        spark = SparkSession.builder.remote(config.master).appName(app_name).getOrCreate()
        end_jobs_on_interrupt(spark)
        return spark
    with shown_waiting(f"starting Spark, {config.master}"):
        return _start_local(config, app_name)


def local_settings(config: SparkConfig, jars: list[Path]) -> dict[str, str]:
    """The Spark settings of a local session; those in `config.settings` win."""
    log4j = Path(__file__).with_name("log4j2.properties").as_uri()
    settings = {
        "spark.master": config.master,
        "spark.driver.memory": config.driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log4j}",
        "spark.jars": ",".join(str(jar) for jar in jars),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # Delta's default of 50 makes every operation on a small table run 50 tasks.
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.shuffle.partitions": str(config.shuffle_partitions),
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        # Spark otherwise walks the Python stack for every Column, which doubles the cost of wide expressions.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.executorEnv.PYTHONPATH": _worker_path(),
        "spark.connect.grpc.binding.address": "127.0.0.1",
    }
    if cores_of_local_master(config.master) is not None and "spark.pyspark.python" not in config.settings:
        # Workers elsewhere, or of another Python, may lack this package.
        settings["spark.python.daemon.module"] = worker_daemon.__name__
    return {**settings, **config.settings}


def find_active_session() -> SparkSession | None:
    """The session that this process works on already, if any; None also while pyspark has none to show."""
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        return SparkSession.active()
    except PySparkRuntimeError:
        return None


def _start_local(config: SparkConfig, app_name: str) -> SparkSession:
    from py4j.protocol import Py4JJavaError
    from pyspark import SparkConf
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    require_java()
    settings = {"spark.sql.warehouse.dir": _make_warehouse(), **local_settings(config, find_jars())}
    is_connect = settings.get("spark.api.mode") == "connect"
    with _worker_environment():
        conf = SparkConf(loadDefaults=False).setAll(list(settings.items())).setAppName(app_name)
        if not is_connect:
            start_jvm(conf)
        with warnings.catch_warnings():
            # Spark Connect tries to set the server's static settings once more on the client's session.
            warnings.filterwarnings("ignore", message="Failed to set spark\\.")
            try:
                if is_connect:
                    spark = start_connect_session(conf)
                    end_jobs_on_interrupt(spark)
                    return spark
                start_context(conf)
                return SparkSession.builder.config(conf=conf).getOrCreate()
            except (Py4JJavaError, PySparkException) as error:
                reason = _first_cause(error)
                raise SetupError(f"Spark did not start with master {config.master!r}: {reason}") from None


def _first_cause(error: Exception) -> str:
    """The line that names the Java exception, without the stack around it."""
    lines = [line.removeprefix(": ") for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "Exception: " in line or "Error: " in line), lines[0] if lines else "")


@contextmanager
def _worker_environment() -> Iterator[None]:
    """What the JVM and the Python workers that it starts must inherit; this process gets its own values back."""
    ours = {
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONPATH": _worker_path(),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _worker_path() -> str:
    """PYTHONPATH with the working directory first, where a user's `package.module:function` lies."""
    given = os.environ.get("PYTHONPATH", "")
    entries = [str(Path.cwd()), *(entry for entry in given.split(os.pathsep) if entry)]
    return os.pathsep.join(dict.fromkeys(entries))


def _make_warehouse() -> str:
    """A folder for managed tables that lives as long as this process, since the local catalog does too."""
    folder = tempfile.mkdtemp(prefix="dbx_dl_warehouse_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder).as_uri()

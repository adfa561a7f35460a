"""Starts a local Spark Connect server on a free port, so that two sessions on one machine do not meet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dbx_dl.runtime.jvm import start_jvm

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession


def start_connect_session(conf: SparkConf) -> SparkSession:
    """A session on a Connect server that starts in this process' own JVM and ends with the session.

    PySpark's own builder does the same on the fixed port 15002, where the second server of a machine fails. Here the
    server takes a free port, unless `spark.connect.grpc.binding.port` names one.
    """
    from pyspark import SparkConf
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    settings = {"spark.connect.grpc.binding.port": "0", **dict(conf.getAll())}
    # The server's JVM is a classic one.
    settings.pop("spark.api.mode", None)
    start_jvm(SparkConf(loadDefaults=False).setAll(list(settings.items())))
    # What PySpark sets too: `stop` then ends the server with the session.
    os.environ["SPARK_LOCAL_REMOTE"] = "1"
    # Leaves in `settings` only what a session may still set.
    ConnectSession._start_connect_server(settings["spark.master"], settings)
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    settings["spark.remote"] = f"sc://localhost:{_read_port()}"
    return ConnectSession.builder.config(map=settings).getOrCreate()


def _read_port() -> int:
    from pyspark import SparkContext

    service = getattr(SparkContext._jvm, "org.apache.spark.sql.connect.service.SparkConnectService$")
    return int(getattr(service, "MODULE$").localPort())


def is_connect(spark: SparkSession) -> bool:
    """Whether the session is a Spark Connect one."""
    return type(spark).__module__.startswith("pyspark.sql.connect")

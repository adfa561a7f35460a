"""Is this Databricks, and which kind of compute: dedicated, standard or serverless."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_RUNTIME = "DATABRICKS_RUNTIME_VERSION"
_SERVERLESS_VERSION = "DATABRICKS_ENV_VERSION"
_SERVERLESS_PREFIX = "client."
# Containers of one's own have no variable, but this file.
_VERSION_FILE = Path("/databricks/DBR_VERSION")
_MODE = "spark.databricks.clusterUsageTags.dataSecurityMode"
_STANDARD_MODES = ("USER_ISOLATION", "DATA_SECURITY_MODE_STANDARD")


class Compute(StrEnum):
    """Where Spark runs: on Databricks by its access modes, `elsewhere` anywhere else."""

    ELSEWHERE = "elsewhere"
    DEDICATED = "dedicated"
    STANDARD = "standard"
    SERVERLESS = "serverless"


def is_databricks() -> bool:
    """Whether this process runs on a Databricks cluster or serverless compute."""
    return _RUNTIME in os.environ or _SERVERLESS_VERSION in os.environ or _VERSION_FILE.exists()


def find_compute(spark: SparkSession) -> Compute:
    """The kind of compute of this session.

    Serverless compute says so by its version; clusters by their access mode where they tell it, else standard ones by
    their sessions, which are Spark Connect's.
    """
    if not is_databricks():
        return Compute.ELSEWHERE
    if _SERVERLESS_VERSION in os.environ or os.environ.get(_RUNTIME, "").startswith(_SERVERLESS_PREFIX):
        return Compute.SERVERLESS
    mode = _read_mode(spark)
    if mode:
        return Compute.STANDARD if mode in _STANDARD_MODES else Compute.DEDICATED
    is_connect = type(spark).__module__.startswith("pyspark.sql.connect")
    return Compute.STANDARD if is_connect else Compute.DEDICATED


def get_session() -> SparkSession:
    """The session that Databricks has opened for this process."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate()


def _read_mode(spark: SparkSession) -> str:
    """The access mode as the cluster's own settings name it; empty where they do not, as some refuse the question."""
    from pyspark.errors import PySparkException

    try:
        return str(spark.conf.get(_MODE, "") or "").upper()
    except PySparkException:
        return ""

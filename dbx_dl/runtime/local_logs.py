"""What the log of a Delta table on this machine's file system says at a glance; a Spark job for it takes a second."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.runtime.databricks import is_databricks

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOG_FOLDER = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
_OWN_HOSTS = ("localhost", "127.0.0.1", "::1")
# Where commits wait that a catalog has made and that are not in the log yet.
_CATALOG_COMMITS = ("_staged_commits", "_commits")


def shares_disk(spark: SparkSession) -> bool:
    """Whether a path means the same to Spark and to this process: not on a remote Connect server, or beside HDFS."""
    if type(spark).__module__.startswith("pyspark.sql.connect"):
        return str(spark.client.host) in _OWN_HOSTS
    return "HADOOP_CONF_DIR" not in os.environ


def read_latest_version(path: str) -> int | None:
    """The latest version of the Delta table at an absolute path; None where only Spark can tell, or there is none."""
    if not path.startswith("/") or is_databricks():
        return None
    try:
        names = [each.name for each in Path(path, LOG_FOLDER).iterdir()]
    except OSError:
        return None
    versions = [int(found[1]) for name in names if (found := _COMMIT.fullmatch(name))]
    return max(versions) if versions and not _has_catalog_commits(path) else None


def _has_catalog_commits(path: str) -> bool:
    """Whether such a folder holds anything; Delta makes an empty one for every table."""
    folders = (Path(path, LOG_FOLDER, name) for name in _CATALOG_COMMITS)
    return any(folder.is_dir() and any(folder.iterdir()) for folder in folders)

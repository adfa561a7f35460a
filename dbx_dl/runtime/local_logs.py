"""What the log of a Delta table on this machine's file system says at a glance; a Spark job for it takes a second."""

from __future__ import annotations

import re
from pathlib import Path

from dbx_dl.runtime.databricks import is_databricks

LOG_FOLDER = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
# Where commits wait that a catalog has made and that are not in the log yet.
_CATALOG_COMMITS = ("_staged_commits", "_commits")


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

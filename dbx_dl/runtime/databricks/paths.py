"""Paths on Databricks that every machine opens as files: volumes, and DBFS below its mount."""

from __future__ import annotations

from pathlib import Path

from dbx_dl.runtime.databricks.compute import is_databricks

_SCHEME = "dbfs:"
_VOLUMES, _DBFS = "/Volumes/", "/dbfs/"


def mount_path(path: str) -> str:
    """The path at which Python finds what Spark calls `path`; what needs no mount stays as it is.

    `dbfs:/Volumes/x` is `/Volumes/x`, `dbfs:/x` is `/dbfs/x`. On Databricks `/x` is `/dbfs/x` where only DBFS has it.
    """
    if path.startswith(_SCHEME):
        place = "/" + path.removeprefix(_SCHEME).lstrip("/")
        return place if place.startswith(_VOLUMES) else f"{_DBFS}{place.lstrip('/')}"
    mounted = f"{_DBFS}{path.lstrip('/')}"
    is_hidden = path.startswith("/") and not path.startswith((_VOLUMES, _DBFS)) and is_databricks()
    return mounted if is_hidden and not Path(path).exists() and Path(mounted).exists() else path


def is_mounted(path: str) -> bool:
    """Whether a path lies on storage that driver and executors of a cluster share: a volume, or DBFS."""
    return f"{mount_path(path)}/".startswith((_VOLUMES, _DBFS))

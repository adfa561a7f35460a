"""Files without bytes, which Spark's readers silently leave out, become rows like any other file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def include_empty_files(files: DataFrame) -> DataFrame:
    """The rows of a `binaryFile` reader, and one row of length 0 for each file that it left out for having no bytes.

    Reads names only. The result has the reader's columns: path, modificationTime (null in the added rows), length,
    content.
    """
    empty = _list_empty_files(files)
    if not empty:
        return files
    # A driver-side literal of names: files without bytes are few.
    names = files.sparkSession.createDataFrame([(path,) for path in empty], "path string")
    rows = "path", "cast(null AS timestamp) AS modificationTime", "0L AS length", "cast('' AS binary) AS content"
    return files.unionByName(names.selectExpr(*rows))


def _list_empty_files(files: DataFrame) -> list[str]:
    found = {_as_path(unquote(uri)) for uri in files.inputFiles()}
    if len(found) == files.count():
        return []
    read = {_as_path(row["path"]) for row in files.select("path").toLocalIterator()}
    return sorted(found - read)


def _as_path(uri: str) -> str:
    """One spelling for `file:/a`, `file:///a` and `/a`; other schemes have only one."""
    return re.sub(r"^file:/+", "/", uri)

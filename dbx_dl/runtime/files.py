"""Read a folder of files through Spark: one row per file, keyed by its path relative to the folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


def read_image_files(spark: SparkSession, source: str) -> DataFrame:
    """Every file under the folder `source` as rows (path string, content binary), zero-byte files included.

    `path` is relative to `source`, as people write it (`a b.png`, not `a%20b.png`). Files and folders whose name
    starts with `.` or `_` are not read, as everywhere in Spark. DataError when the folder does not exist.
    """
    from pyspark.sql import functions as F

    root = _absolute(source)
    files = _open_folder(spark, root)
    rows = files.select(_relative_path(F.col("path"), root).alias("path"), "content")
    empty = _list_empty_files(files)
    if not empty:
        return rows
    # Spark's readers leave out files without bytes; a row per file is promised.
    names = spark.createDataFrame([(path,) for path in empty], "path string")
    return rows.unionByName(
        names.select(_relative_path(F.col("path"), root).alias("path"), F.lit(b"").alias("content"))
    )


def _absolute(source: str) -> str:
    root = source.rstrip("/").removeprefix("file://")
    if re.match(r"^[a-z][a-z0-9+.-]*:/", root):
        return root
    folder = Path(root).absolute()
    if not folder.is_dir():
        raise DataError(f"the folder {source!r} does not exist (looked at {folder})")
    return str(folder)


def _open_folder(spark: SparkSession, root: str) -> DataFrame:
    from pyspark.errors import AnalysisException

    escaped = re.sub(r"([\\{}\[\]*?])", r"\\\1", root)
    try:
        files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(escaped)
        files.schema  # noqa: B018  (Spark Connect looks at the folder only now)
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        raise DataError(f"the folder {root!r} does not exist") from None
    return files


def _relative_path(path: Column, root: str) -> Column:
    from pyspark.sql import functions as F

    start = F.locate(root + "/", path) + F.lit(len(root) + 1)
    return path.substr(start, F.length(path))


def _list_empty_files(files: DataFrame) -> list[str]:
    found = {unquote(uri) for uri in files.inputFiles()}
    if len(found) == files.select("path").count():
        return []
    read = {_plain(row["path"]) for row in files.select("path").toLocalIterator()}
    return sorted(uri for uri in found if _plain(uri) not in read)


def _plain(uri: str) -> str:
    return re.sub(r"^file:/+", "/", uri)

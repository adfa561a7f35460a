"""Raw files as Spark sees them, keyed by their path below a folder, and what reading them can fail with."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError, SetupError
from dbx_dl.runtime.files import include_empty_files
from dbx_dl.runtime.tables import absolute_path, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

_LOCATION = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)?(?=/)")
# Spark's own words for a value that an expression of its SQL cannot take: SQL states of class 22, and assert_true.
_REFUSED_VALUE = re.compile(r"\[[A-Z][A-Z0-9_.]+\] [^\n]*?(?=\.? SQLSTATE: (?:22|P0001))")
# The last line of a Python worker's traceback, inside the error of the Spark job.
_TOLD_BY_WORKER = re.compile(r"^\s*dbx_dl\.errors\.(DataError|SetupError): (.+)$", re.MULTILINE)


def read_image_files(spark: SparkSession, source: str) -> DataFrame:
    """Every file below the folder `source`: path string (relative to it, the key), size_bytes long, content binary.

    As everywhere in Spark, files and folders whose name starts with `_` or `.` are not seen. DataError when the
    folder does not exist. Selecting only path and size_bytes reads no file's bytes.
    """
    return read_binary_files(spark, source).select("path", "size_bytes", "content")


def read_named_files(spark: SparkSession, source: str, names: Sequence[str]) -> DataFrame:
    """The files of these `names` below the folder `source`, as `read_image_files` gives them; no other is read."""
    if names:
        return read_binary_files(spark, source, names).select("path", "size_bytes", "content")
    return read_image_files(spark, source).limit(0)


def read_binary_files(spark: SparkSession, root: str, names: Sequence[str] | None = None) -> DataFrame:
    """Every file below `root`, or those of these `names` below it: path, size_bytes, modified_at, content.

    `path` is relative to `root`, `modified_at` is null for files without bytes. Otherwise as `read_image_files`; also
    DataError when one of `names` does not exist.
    """
    place = absolute_path(root)
    reader = spark.read.format("binaryFile")
    if names is None:
        reader = reader.option("recursiveFileLookup", "true")
        found = load_rows(lambda: reader.load(escape_globs(place)), f"image folder {root}")
    else:
        paths = [escape_globs(f"{place}/{name}") for name in names]
        found = load_rows(lambda: reader.load(paths), f"one of {len(names)} files of {root}")
    return name_files(include_empty_files(found), root)


def name_files(files: DataFrame, root: str) -> DataFrame:
    """Rows of a `binaryFile` reader or stream below `root` as `read_binary_files` gives them."""
    from pyspark.sql import functions as F

    prefix = _LOCATION.sub("", absolute_path(root)).rstrip("/") + "/"
    # Spark gives paths with their scheme and, unlike _metadata.file_path, not percent-encoded: nothing to decode.
    path = F.regexp_replace(F.col("path"), _LOCATION.pattern, "")
    relative = F.when(path.startswith(prefix), F.substring(path, F.lit(len(prefix) + 1), F.length(path)))
    sizes = F.col("length").alias("size_bytes"), F.col("modificationTime").alias("modified_at")
    return files.select(relative.alias("path"), *sizes, "content")


@contextmanager
def explain_read_errors(what: str) -> Iterator[None]:
    """Turn the failure of a Spark job to read a source's files into a DataError of one line.

    So is a value that an expression cannot take: of a query or a condition, such as text that is cast to a number.
    A DataError or SetupError that was raised in a Python worker keeps its message.
    """
    try:
        yield
    except (DataError, SetupError):
        raise
    except Exception as error:  # Py4J's errors share no class with Spark's own
        told = _TOLD_BY_WORKER.search(str(error))
        if told is not None:
            kind = SetupError if told.group(1) == "SetupError" else DataError
            raise kind(told.group(2).strip()) from None
        refused = _REFUSED_VALUE.search(str(error))
        if refused is not None:
            raise DataError(f"{what} cannot be read: {refused.group()}") from None
        if "FAILED_READ_FILE" not in str(error):
            raise
        raise DataError(f"{what} cannot be read: {first_line(error)}") from None


def load_rows(load: Callable[[], DataFrame], what: str) -> DataFrame:
    """Call what makes a DataFrame of the source `what`, with its errors as a DataError of one line."""
    try:
        rows = load()
        _ = rows.schema  # Spark Connect finds errors only when it is asked
    except Exception as error:  # Py4J's errors share no class with Spark's own
        text = str(error)
        if "PATH_NOT_FOUND" in text:
            raise DataError(f"{what} does not exist") from None
        if "UNABLE_TO_INFER_SCHEMA" in text:
            raise DataError(f"{what} holds no files with rows") from None
        if "(NANOS" in text:
            raise DataError(
                f"{what} has times in nanoseconds, which Spark does not read: write them in microseconds, with pandas "
                'by `to_parquet(path, coerce_timestamps="us", allow_truncated_timestamps=True)`'
            ) from None
        raise DataError(f"{what} cannot be read: {first_line(error)}") from None
    return rows


def escape_globs(path: str) -> str:
    """A path that Spark's readers take as it is, where they would look for a pattern in it."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", path)

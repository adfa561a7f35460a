"""Raw inputs as Spark sees them: image files keyed by their path below a folder, and rows of files and tables."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.files import include_empty_files
from dbx_dl.runtime.tables import absolute_path, first_line, has_table, pin_table, read_pinned, suggest_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame, SparkSession

# The text of a CSV line whose number of values differs from the header's; null for every other row.
MALFORMED_COLUMN = "_malformed"
FORMATS = ("csv", "parquet", "delta")
_CSV = {
    "quote": '"',
    "escape": '"',
    "ignoreLeadingWhiteSpace": "true",
    "ignoreTrailingWhiteSpace": "true",
    # Where it reads fewer columns, Spark does not see that a line has too few values.
    "columnPruning": "false",
}
_LOCATION = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)?(?=/)")


def read_image_files(spark: SparkSession, source: str) -> DataFrame:
    """Every file below the folder `source`: path string (relative to it, the key), size_bytes long, content binary.

    As everywhere in Spark, files and folders whose name starts with `_` or `.` are not seen. DataError when the
    folder does not exist. Selecting only path and size_bytes reads no file's bytes.
    """
    from pyspark.sql import functions as F

    root = absolute_path(source)
    reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    files = include_empty_files(_load(reader.load, root, f"image folder {source}"))
    prefix = _LOCATION.sub("", root).rstrip("/") + "/"
    # Spark gives paths with their scheme and, unlike _metadata.file_path, not percent-encoded: nothing to decode.
    path = F.regexp_replace(F.col("path"), _LOCATION.pattern, "")
    relative = F.when(path.startswith(prefix), F.substring(path, F.lit(len(prefix) + 1), F.length(path)))
    return files.select(relative.alias("path"), F.col("length").alias("size_bytes"), "content")


def read_source_rows(spark: SparkSession, source: str, source_format: str) -> DataFrame:
    """The rows of a CSV or Parquet file (or folder of such files), or of a Delta table at its latest version.

    CSV files have a header and commas; all their columns are strings, stripped of unquoted blanks, and
    `MALFORMED_COLUMN` is added. Parquet and Delta columns keep their types. DataError when the source is absent,
    empty or unreadable, or a CSV header has a name twice or none; files of one folder must have one header.
    """
    if source_format == "csv":
        return _read_csv(spark, source)
    if source_format == "parquet":
        return _load(spark.read.parquet, absolute_path(source), f"Parquet source {source}")
    if source_format != "delta":
        raise DataError(f"unknown source format {source_format!r}: {suggest_name(source_format, FORMATS)}")
    if not has_table(spark, source):
        raise DataError(f"Delta source {source} does not exist")
    return read_pinned(spark, pin_table(spark, source))


@contextmanager
def explain_read_errors(what: str) -> Iterator[None]:
    """Turn the failure of a Spark job to read a source's files into a DataError of one line."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # Py4J's errors share no class with Spark's own
        if "FAILED_READ_FILE" not in str(error):
            raise
        raise DataError(f"{what} cannot be read: {first_line(error)}") from None


def _read_csv(spark: SparkSession, source: str) -> DataFrame:
    from pyspark.sql.types import StringType, StructField, StructType

    path, what = absolute_path(source), f"CSV source {source}"
    names = _read_header(spark, path, what)
    schema = StructType([StructField(name, StringType()) for name in (*names, MALFORMED_COLUMN)])
    # enforceSchema=false: in a folder, a file with other columns fails instead of being read in the wrong order.
    reader = spark.read.options(header="true", enforceSchema="false", **_CSV).schema(schema)
    return _load(reader.option("columnNameOfCorruptRecord", MALFORMED_COLUMN).csv, path, what)


def _read_header(spark: SparkSession, path: str, what: str) -> list[str]:
    first = _load(spark.read.options(header="false", **_CSV).csv, path, what).head()
    names = [] if first is None else list(first)
    if not names:
        raise DataError(f"{what} is empty: its first line must name the columns")
    for position, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{what}: column {position} has no name in the header")
        if name.lower() in (other.lower() for other in names[: position - 1] if other):
            raise DataError(f"{what}: the header has the name {name!r} twice (upper and lower case count as equal)")
    return names


def _load(load: Callable[[str], DataFrame], path: str, what: str) -> DataFrame:
    """Call a reader's method with globbing off and its errors in one line."""
    literal = re.sub(r"([\\{}\[\]*?])", r"\\\1", path)
    try:
        rows = load(literal)
        _ = rows.schema  # Spark Connect finds errors only when it is asked
    except Exception as error:  # Py4J's errors share no class with Spark's own
        text = str(error)
        if "PATH_NOT_FOUND" in text:
            raise DataError(f"{what} does not exist") from None
        if "UNABLE_TO_INFER_SCHEMA" in text:
            raise DataError(f"{what} holds no files with rows") from None
        raise DataError(f"{what} cannot be read: {first_line(error)}") from None
    return rows

"""Raw inputs as Spark sees them: image files keyed by their path below a folder, and rows of files and tables."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.runtime.files import include_empty_files
from dbx_dl.runtime.tables import absolute_path, first_line, has_table, pin_table, read_pinned, suggest_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
# The last line of a Python worker's traceback, inside the error of the Spark job.
_TOLD_BY_WORKER = re.compile(r"^\s*dbx_dl\.errors\.DataError: (.+)$", re.MULTILINE)


def read_image_files(spark: SparkSession, source: str) -> DataFrame:
    """Every file below the folder `source`: path string (relative to it, the key), size_bytes long, content binary.

    As everywhere in Spark, files and folders whose name starts with `_` or `.` are not seen. DataError when the
    folder does not exist. Selecting only path and size_bytes reads no file's bytes.
    """
    return read_binary_files(spark, source).select("path", "size_bytes", "content")


def read_binary_files(spark: SparkSession, root: str, names: Sequence[str] | None = None) -> DataFrame:
    """Every file below `root`, or those of these `names` below it: path, size_bytes, modified_at, content.

    `path` is relative to `root`, `modified_at` is null for files without bytes. Otherwise as `read_image_files`; also
    DataError when one of `names` does not exist.
    """
    place = absolute_path(root)
    reader = spark.read.format("binaryFile")
    if names is None:
        found = _load(reader.option("recursiveFileLookup", "true").load, place, f"image folder {root}")
    else:
        found = _load(reader.load, [f"{place}/{name}" for name in names], f"one of {len(names)} files of {root}")
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
    """Turn the failure of a Spark job to read a source's files into a DataError of one line.

    A DataError that was raised in a Python worker keeps its message.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # Py4J's errors share no class with Spark's own
        told = _TOLD_BY_WORKER.search(str(error))
        if told is not None:
            raise DataError(told.group(1).strip()) from None
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


def _load(load: Callable[[Any], DataFrame], path: str | Sequence[str], what: str) -> DataFrame:
    """Call a reader's method with globbing off and its errors in one line."""
    try:
        rows = load(escape_globs(path) if isinstance(path, str) else [escape_globs(one) for one in path])
        _ = rows.schema  # Spark Connect finds errors only when it is asked
    except Exception as error:  # Py4J's errors share no class with Spark's own
        text = str(error)
        if "PATH_NOT_FOUND" in text:
            raise DataError(f"{what} does not exist") from None
        if "UNABLE_TO_INFER_SCHEMA" in text:
            raise DataError(f"{what} holds no files with rows") from None
        raise DataError(f"{what} cannot be read: {first_line(error)}") from None
    return rows


def escape_globs(path: str) -> str:
    """A path that Spark's readers take as it is, where they would look for a pattern in it."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", path)

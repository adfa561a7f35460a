"""Delta tables by name or path: quoting, existence, pinning a version and reading exactly that one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import TableVersion
from dbx_dl.contracts.table_names import absolute_path as absolute_path
from dbx_dl.contracts.table_names import has_scheme
from dbx_dl.contracts.table_names import is_path as is_path
from dbx_dl.errors import ConfigError, DataError, VersionGoneError
from dbx_dl.runtime.local_logs import read_latest_version, shares_disk
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

_PART = r"(?:`(?:[^`]|``)+`|[^`.\s][^`.]*)"
_DOTTED = re.compile(rf"^{_PART}(?:\.{_PART}){{0,2}}$")
# In front of a message that has a name of Spark's own.
_JAVA_CLASS = re.compile(r"^[\w.$]+: (?=\[[A-Z][A-Z0-9_.]+\] )")
_ABSENT = (
    "TABLE_OR_VIEW_NOT_FOUND",
    "PATH_NOT_FOUND",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_PATH_DOES_NOT_EXIST",
    "SCHEMA_NOT_FOUND",
    "REQUIRES_SINGLE_PART_NAMESPACE",
)
_NOT_DELTA = (
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_TABLE_ONLY_OPERATION",
    "DELTA_ONLY_OPERATION",
    "EXPECT_TABLE_NOT_VIEW",
)


def quote_table(name: str) -> str:
    """A table as SQL text: delta.`/absolute/path` for a path, `a`.`b`.`c` for up to three dotted parts."""
    if is_path(name):
        path = absolute_path(name)
        if "%" in path:
            raise ConfigError(f"table path {path!r} has a '%', which Delta's readers decode differently: rename it")
        return f"delta.{quote_column(path)}"
    if not _DOTTED.match(name):
        raise ConfigError(f"{name!r} is not a table: give catalog.schema.table, schema.table, table, or a path with /")
    parts = re.findall(_PART, name)
    return ".".join(part if part.startswith("`") else quote_column(part) for part in parts)


def quote_column(name: str) -> str:
    """A name (or path) as a quoted SQL identifier; it also works as the argument of `functions.col`."""
    return "`" + name.replace("`", "``") + "`"


def suffix_table(name: str, suffix: str) -> str:
    """The neighbour of a table whose name ends in `suffix`: `a.b` + `_rejects` is `a.b_rejects`, paths likewise."""
    stem = name.rstrip("/")
    return f"{stem[:-1]}{suffix}`" if stem.endswith("`") and not is_path(name) else stem + suffix


def has_table(spark: SparkSession, name: str) -> bool:
    """Whether a table of that name, or a Delta table at that path, exists; DataError when it cannot be a name here."""
    from pyspark.errors import PySparkException

    if _find_local_version(spark, name) is not None:
        return True
    try:
        return bool(spark.catalog.tableExists(quote_table(name)))
    except PySparkException as error:
        if _condition(error) in _NOT_DELTA:
            return False
        raise DataError(f"table {name}: {first_line(error)}") from None


def pin_table(spark: SparkSession, name: str) -> TableVersion:
    """The table's latest version; DataError when it does not exist or is not a Delta table."""
    version = _find_local_version(spark, name)
    return locate_version(spark, name, int(read_history(spark, name, 1)[0]["version"]) if version is None else version)


def read_history(spark: SparkSession, name: str, num_commits: int | None = None) -> list[Row]:
    """Version, timestamp, operation, userMetadata and operationMetrics of a table's last commits, latest first.

    Without `num_commits`, of all that are known. DataError when it does not exist or is not a Delta table.
    """
    from pyspark.errors import PySparkException

    limit = "" if num_commits is None else f" LIMIT {num_commits}"
    try:
        history = spark.sql(f"DESCRIBE HISTORY {quote_table(name)}{limit}")
        return list(history.select("version", "timestamp", "operation", "userMetadata", "operationMetrics").collect())
    except PySparkException as error:
        raise _explain(name, error) from None


def locate_version(spark: SparkSession, name: str, version: int) -> TableVersion:
    """A version, known to exist, of a table by path or name."""
    if is_path(name):
        path = absolute_path(name)
        return TableVersion(name=path, path=path, version=version)
    detail = spark.sql(f"DESCRIBE DETAIL {quote_table(name)}").collect()[0]
    return TableVersion(name=name, path=absolute_path(detail["location"]), version=version)


def read_pinned(spark: SparkSession, table: TableVersion) -> DataFrame:
    """Exactly the pinned version's rows; DataError when the table is gone, VersionGoneError when that version is."""
    from pyspark.errors import PySparkException

    if not has_table(spark, table.name):
        raise DataError(f"table {table.name} does not exist (its version {table.version} was asked for)")
    try:
        rows = spark.sql(f"SELECT * FROM {quote_table(table.name)} VERSION AS OF {table.version}")
        _ = rows.schema  # Spark Connect finds errors only when it is asked
    except PySparkException as error:
        if _condition(error) == "DELTA_VERSION_NOT_FOUND":
            gone = f"table {table.name} has no version {table.version} any more: prepare it again"
            raise VersionGoneError(gone) from None
        raise DataError(f"table {table.name}, version {table.version}: {first_line(error)}") from None
    return rows


def require_columns(df: DataFrame, names: Iterable[str], what: str) -> None:
    """DataError unless `df` has every named column; `what` says in the message whose columns these are."""
    present = list(df.columns)
    for name in names:
        if name not in present:
            own = [other for other in present if other != MALFORMED_COLUMN]
            raise DataError(f"{what} has no column {name!r}; {suggest_name(name, own)}")


def suggest_name(name: str, valid: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest valid one, else all of them."""
    names = list(valid)
    lowered = {other.lower(): other for other in names}
    nearest = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {lowered[nearest[0]]!r}?"
    return f"it has {', '.join(repr(other) for other in names[:20]) or 'none'}{' …' if len(names) > 20 else ''}"


def first_line(error: Exception) -> str:
    """What a Spark error says in one line: its deepest cause, without its plan and JVM trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    # Py4J says first which call failed, and then why.
    reasons = [line.removeprefix(": ") for line in lines[1:2] if line.startswith(": ")]
    said = (causes[-1:] or reasons or lines[:1] or [type(error).__name__])[0]
    return _JAVA_CLASS.sub("", said)


def _find_local_version(spark: SparkSession, name: str) -> int | None:
    return read_latest_version(absolute_path(name)) if is_path(name) and shares_disk(spark) else None


def _explain(name: str, error: Exception) -> DataError:
    condition = _condition(error)
    if condition in _ABSENT or (condition in _NOT_DELTA and is_path(name) and not _is_local_folder(name)):
        return DataError(f"table {name} does not exist")
    if condition in _NOT_DELTA:
        return DataError(f"{name} is not a Delta table")
    return DataError(f"table {name}: {first_line(error)}")


def _condition(error: Exception) -> str:
    """Spark's name of an error, without its sub-condition."""
    return str(getattr(error, "getCondition", lambda: None)() or "").split(".")[0]


def _is_local_folder(name: str) -> bool:
    path = absolute_path(name)
    return not has_scheme(path) and Path(path).is_dir()

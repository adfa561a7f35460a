"""Rows of a table as Spark reads them: CSV in any dialect, Parquet, JSON lines, Delta tables, SQL queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.config import CsvOptions
from dbx_dl.errors import DataError
from dbx_dl.runtime.sources import escape_globs, load_rows
from dbx_dl.runtime.tables import absolute_path, has_table, pin_table, read_pinned, suggest_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

# The text of a line that is no row of its file, such as one of other length than the header; null for every other row.
MALFORMED_COLUMN = "_malformed"
ROW_FORMATS = ("csv", "parquet", "json", "delta", "query")
_SHOWN_CHARACTERS = 80


def read_rows(spark: SparkSession, source: str, source_format: str, csv: CsvOptions | None = None) -> DataFrame:
    """The rows of a CSV, Parquet or JSON-lines file (or folder of such files), a Delta table, or a SQL query.

    CSV columns are strings, stripped of unquoted blanks. CSV and JSON rows get `MALFORMED_COLUMN`: the text of a line
    that is none (another number of values than the header has, no JSON), else null. Other sources keep their types; a
    Delta table is read at its latest version. DataError, of one line, when the source is absent, empty or unreadable,
    or has a name twice; files of one CSV folder must have one header.
    """
    what = describe_source(source, source_format)
    if source_format == "csv":
        rows = _read_csv(spark, absolute_path(source), csv or CsvOptions(), what)
    elif source_format == "parquet":
        rows = load_rows(lambda: spark.read.parquet(escape_globs(absolute_path(source))), what)
    elif source_format == "json":
        rows = _read_json(spark, absolute_path(source), what)
    elif source_format == "delta":
        rows = _read_delta(spark, source, what)
    elif source_format == "query":
        rows = _read_query(spark, source, what)
    else:
        raise DataError(f"unknown source format {source_format!r}: {suggest_name(source_format, ROW_FORMATS)}")
    _require_distinct(rows.columns, what)
    return rows


def describe_source(source: str, source_format: str) -> str:
    """The source as messages name it, in one line; a long query is cut."""
    if source_format != "query":
        return f"{source_format} source {source}"
    text = " ".join(source.split())
    return f"query {text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + ' …'!r}"


def _read_csv(spark: SparkSession, path: str, csv: CsvOptions, what: str) -> DataFrame:
    from pyspark.sql.types import StringType, StructField, StructType

    dialect = {
        "sep": csv.delimiter,
        "quote": csv.quote,
        "escape": csv.quote,
        "ignoreLeadingWhiteSpace": "true",
        "ignoreTrailingWhiteSpace": "true",
        # Where it reads fewer columns, Spark does not see that a line has too few values.
        "columnPruning": "false",
    }
    place = escape_globs(path)
    first = load_rows(lambda: spark.read.options(header="false", **dialect).csv(place), what).head()
    names = _name_columns(list(first or ()), csv.header, what)
    schema = StructType([StructField(name, StringType()) for name in (*names, MALFORMED_COLUMN)])
    # enforceSchema=false: in a folder, a file with other columns fails instead of being read in the wrong order.
    reader = spark.read.options(header=str(csv.header).lower(), enforceSchema="false", **dialect).schema(schema)
    return load_rows(lambda: reader.option("columnNameOfCorruptRecord", MALFORMED_COLUMN).csv(place), what)


def _name_columns(first: list[str | None], has_header: bool, what: str) -> list[str]:
    if not first:
        raise DataError(f"{what} is empty" + (": its first line must name the columns" if has_header else ""))
    if not has_header:
        return [f"c{i}" for i in range(len(first))]
    names = []
    for position, name in enumerate(first, start=1):
        if not name:
            raise DataError(f"{what}: column {position} has no name in the header")
        names.append(name)
    _require_distinct(names, what)
    return names


def _read_json(spark: SparkSession, path: str, what: str) -> DataFrame:
    from pyspark.sql.types import StringType, StructField, StructType

    reader = spark.read.option("columnNameOfCorruptRecord", MALFORMED_COLUMN)
    place = escape_globs(path)
    found = load_rows(lambda: reader.json(place), what).schema
    fields = [field for field in found.fields if field.name != MALFORMED_COLUMN]
    if not fields:
        raise DataError(f"{what} holds no JSON objects, one a line")
    schema = StructType([*fields, StructField(MALFORMED_COLUMN, StringType())])
    return load_rows(lambda: reader.schema(schema).json(place), what)


def _read_delta(spark: SparkSession, source: str, what: str) -> DataFrame:
    if not has_table(spark, source):
        raise DataError(f"{what} does not exist")
    return read_pinned(spark, pin_table(spark, source))


def _read_query(spark: SparkSession, query: str, what: str) -> DataFrame:
    # As a subquery, only what reads rows passes; the line break ends a comment.
    return load_rows(lambda: spark.sql(f"SELECT * FROM (\n{query.strip().rstrip(';')}\n)"), what)


def _require_distinct(names: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise DataError(f"{what} has the name {name!r} twice (upper and lower case count as equal)")
        seen.add(name.lower())

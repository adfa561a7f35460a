"""Rows of a table as Spark reads them: CSV in any dialect, Parquet, JSON lines, Delta tables, SQL queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.config import CsvOptions
from dbx_dl.errors import DataError
from dbx_dl.runtime.csv_rows import read_csv, stream_csv
from dbx_dl.runtime.file_streams import ANY_AGE
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN, require_distinct
from dbx_dl.runtime.sources import escape_globs, load_rows
from dbx_dl.runtime.tables import absolute_path, has_table, pin_table, read_pinned, suggest_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROW_FORMATS = ("csv", "parquet", "json", "delta", "query")
_SHOWN_CHARACTERS = 80


def read_rows(spark: SparkSession, source: str, source_format: str, csv: CsvOptions | None = None) -> DataFrame:
    """The rows of a CSV, Parquet or JSON-lines file (or folder of such files), a Delta table, or a SQL query.

    CSV columns are strings, stripped of unquoted blanks. CSV and JSON rows get `MALFORMED_COLUMN`: the text of a line
    that is none (another number of values than the header has, no JSON), else null. Other sources keep their types; a
    Delta table is read at its latest version. DataError, of one line, when the source is absent, empty or unreadable,
    or has a name twice; files of one CSV folder must have one header. `csv` can name the files to read, which gives
    rows `FILE_COLUMN`, and ask for a key.
    """
    what = describe_source(source, source_format)
    if source_format == "csv":
        rows = read_csv(spark, absolute_path(source), csv or CsvOptions(), what)
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
    require_distinct(rows.columns, what)
    return rows


def describe_source(source: str, source_format: str) -> str:
    """The source as messages name it, in one line; a long query is cut."""
    if source_format != "query":
        return f"{source_format} source {source}"
    text = " ".join(source.split())
    return f"query {text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + ' …'!r}"


def stream_rows(spark: SparkSession, source: str, source_format: str, csv: CsvOptions | None = None) -> DataFrame:
    """A stream of the rows of a folder's CSV, Parquet or JSON-lines files, each file once; rows as `read_rows` gives.

    Columns are those of the files that are there already, of CSV also those that `csv` names. Errors as there, and
    ConfigError for what `csv` asks that a stream cannot give.
    """
    what, place = describe_source(source, source_format), absolute_path(source)
    if source_format == "csv":
        rows = stream_csv(spark, place, csv or CsvOptions(), what)
    else:
        schema = read_rows(spark, source, source_format).schema
        reader = spark.readStream.schema(schema).option("columnNameOfCorruptRecord", MALFORMED_COLUMN)
        reader = reader.option(*ANY_AGE)
        rows = load_rows(lambda: reader.format(source_format).load(escape_globs(place)), what)
    require_distinct(rows.columns, what)
    return rows


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

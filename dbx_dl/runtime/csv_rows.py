"""Rows of CSV files in any dialect, with or without a header, a key and comments."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, TypeVar

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.file_streams import ANY_AGE
from dbx_dl.runtime.source_columns import FILE_COLUMN, MALFORMED_COLUMN, require_distinct
from dbx_dl.runtime.sources import escape_globs, load_rows
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
    from pyspark.sql.streaming import DataStreamReader

    from dbx_dl.config import CsvOptions

# Half of SHA-256: of a billion rows no two share these by chance.
_KEY_DIGITS = 32
Reader = TypeVar("Reader", "DataFrameReader", "DataStreamReader")


def read_csv(spark: SparkSession, path: str, csv: CsvOptions, what: str) -> DataFrame:
    """Rows of the file or folder `path` as strings, with MALFORMED_COLUMN, and of named files with FILE_COLUMN.

    Named files are read one after the other. DataError when one is absent or empty, has other columns than the first
    one, or another number of columns than `csv.names`.
    """
    from pyspark.sql import functions as F

    if not csv.files:
        rows = _read_file(spark, path, csv, what)
    else:
        parts = [_read_file(spark, f"{path}/{name}", csv, f"{what}/{name}") for name in csv.files]
        require_distinct([*parts[0].columns, FILE_COLUMN], f"{what}, with `csv.files`,")
        for name, part in zip(csv.files, parts, strict=True):
            if part.columns != parts[0].columns:
                raise DataError(f"{what}: {name} and {csv.files[0]} differ in their columns: read them apart")
        named = [part.withColumn(FILE_COLUMN, F.lit(name)) for name, part in zip(csv.files, parts, strict=True)]
        rows = reduce(lambda one, other: one.unionByName(other), named)
    return rows if csv.key_column is None else _add_key(rows, csv.key_column, what, of_files=bool(csv.files))


def stream_csv(spark: SparkSession, path: str, csv: CsvOptions, what: str) -> DataFrame:
    """A stream of the rows of a folder's files, each file once, as `read_csv` gives them.

    Where `csv.names` does not name the columns, a file that is there already does. ConfigError for named files and for
    keys of equal rows, which need all rows at once; DataError as there.
    """
    for option, given in (("files", csv.files), ("key_column", csv.key_column)):
        if given:
            raise ConfigError(f"`csv.{option}` goes with files that are all there, not with a stream: leave it out")
    names = csv.names or _find_names(spark, path, csv, what)
    reader = _set_dialect(spark.readStream, csv, names).option(*ANY_AGE)
    return load_rows(lambda: reader.format("csv").load(escape_globs(path)), what)


def _read_file(spark: SparkSession, path: str, csv: CsvOptions, what: str) -> DataFrame:
    reader = _set_dialect(spark.read, csv, _find_names(spark, path, csv, what))
    return load_rows(lambda: reader.csv(escape_globs(path)), what)


def _find_names(spark: SparkSession, path: str, csv: CsvOptions, what: str) -> list[str]:
    options = _list_options(csv)
    first = load_rows(lambda: spark.read.options(header="false", **options).csv(escape_globs(path)), what).head()
    return _name_columns(list(first or ()), csv, what)


def _set_dialect(reader: Reader, csv: CsvOptions, names: Sequence[str]) -> Reader:
    from pyspark.sql.types import StringType, StructField, StructType

    schema = StructType([StructField(name, StringType()) for name in (*names, MALFORMED_COLUMN)])
    # enforceSchema=false: in a folder, a file with other columns fails instead of being read in the wrong order.
    options = {**_list_options(csv), "header": str(csv.header).lower(), "enforceSchema": "false"}
    return reader.schema(schema).options(**options).option("columnNameOfCorruptRecord", MALFORMED_COLUMN)


def _list_options(csv: CsvOptions) -> dict[str, str]:
    return {
        "sep": csv.delimiter,
        "quote": csv.quote,
        "escape": csv.quote,
        "ignoreLeadingWhiteSpace": "true",
        "ignoreTrailingWhiteSpace": "true",
        # Where it reads fewer columns, Spark does not see that a line has too few values.
        "columnPruning": "false",
        **({} if csv.comment is None else {"comment": csv.comment}),
    }


def _name_columns(first: list[str | None], csv: CsvOptions, what: str) -> list[str]:
    if not first:
        raise DataError(f"{what} is empty" + (": its first line must name the columns" if csv.header else ""))
    if not csv.header:
        return _name_places(len(first), csv, what)
    names = []
    for position, name in enumerate(first, start=1):
        if not name:
            raise DataError(f"{what}: column {position} has no name in the header")
        names.append(name)
    require_distinct(names, what)
    return names


def _name_places(num_columns: int, csv: CsvOptions, what: str) -> list[str]:
    if not csv.names:
        return [f"c{i}" for i in range(num_columns)]
    if len(csv.names) != num_columns:
        raise DataError(
            f"{what} has {num_columns} values in its first row, but `csv.names` has {len(csv.names)} names: give a "
            "name to every column, and see whether `csv.delimiter` is the file's"
        )
    require_distinct(csv.names, f"`csv.names` of {what}")
    return list(csv.names)


def _add_key(rows: DataFrame, name: str, what: str, *, of_files: bool) -> DataFrame:
    """Rows with the column `name` of CsvOptions.key_column."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    require_distinct([*rows.columns, name], f"{what}, with `csv.key_column`,")
    column = F.col(quote_column(name))
    text = _text_of(rows, of_files=of_files)
    keyed = rows.withColumn(name, F.substring(F.sha2(text, 256), 1, _KEY_DIGITS))
    # Rows of one key are equal: which of them is the first makes no difference.
    place = F.row_number().over(Window.partitionBy(column).orderBy(column))
    key = F.when(place == 1, column).otherwise(F.concat(column, F.lit("-"), place.cast("string")))
    return keyed.withColumn(name, key)


def _text_of(rows: DataFrame, *, of_files: bool) -> Column:
    """The file's name, if any, a line break, and the row's values as a JSON list, or the line that is no row."""
    from pyspark.sql import functions as F

    added = (MALFORMED_COLUMN, FILE_COLUMN) if of_files else (MALFORMED_COLUMN,)
    values = F.to_json(F.array(*(F.col(quote_column(name)) for name in rows.columns if name not in added)))
    text = F.coalesce(F.col(MALFORMED_COLUMN), values)
    return F.concat(F.col(FILE_COLUMN), F.lit("\n"), text) if of_files else text

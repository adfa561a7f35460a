"""Images that the rows of a CSV, Parquet or JSON-lines file name."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dbx_dl.config import CsvOptions
from dbx_dl.errors import ConfigError
from dbx_dl.prepare.images.sources.path_listings import ORDER, PATH, UNREADABLE, UNUSABLE, list_paths
from dbx_dl.prepare.images.sources.user_columns import (
    choose_kept,
    choose_task,
    find_bad_values,
    problem,
    read_labels,
    read_split,
    require_used,
)
from dbx_dl.runtime.row_sources import read_rows
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ManifestSource
    from dbx_dl.prepare.images.sources.found import FoundImages

FILE_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_COMPRESSED = (".gz", ".bz2", ".zst")


def find_in_manifest(spark: SparkSession, source: ManifestSource) -> FoundImages:
    """One image per row of the manifest; what cannot be used is rejected with its reason (`list_paths`).

    Labels in an array column make the task `multilabel`, no label column `none`. ConfigError for an unknown kind of
    file, DataError when the manifest, a named column or the root is absent, or a further column's name is taken.
    """
    what = f"manifest {source.path}"
    rows = read_rows(spark, source.path, choose_format(source), _choose_dialect(source))
    used = [source.path_column, source.label_column, source.split_column]
    require_used(rows, used, source.label_column, what)
    extra_columns = choose_kept(rows.columns, [*used, MALFORMED_COLUMN], what)
    task = choose_task(rows, source.label_column, what)
    columns = [
        quote_column(source.path_column),
        read_labels(source.label_column, task),
        read_split(source.split_column),
        _find_malformed(rows),
        find_bad_values(source.label_column, task, source.split_column),
        _number_rows(),
    ]
    names = [PATH, "label", "given_split", UNREADABLE, UNUSABLE, ORDER]
    prepared = rows.select(*_named(columns, names), *(quote_column(name) for name in extra_columns))
    return list_paths(prepared, choose_root(source), source.allow_outside, task, extra_columns)


def choose_format(source: ManifestSource) -> str:
    """csv, parquet or json, from the file's name where the config does not say; ConfigError where that says nothing."""
    if source.file_format is not None:
        return source.file_format
    suffix = _suffix_of(source.path)
    if suffix not in FILE_FORMATS:
        raise ConfigError(
            f"manifest {source.path}: its name does not say what it is, give `file_format: csv`, `parquet` or `json`"
        )
    return FILE_FORMATS[suffix]


def choose_root(source: ManifestSource) -> str:
    """The folder that paths are relative to: the manifest's own where the config names none."""
    return source.root or posixpath.dirname(source.path.rstrip("/")) or "."


def _choose_dialect(source: ManifestSource) -> CsvOptions:
    return CsvOptions(delimiter="\t" if _suffix_of(source.path) == ".tsv" else ",")


def _suffix_of(path: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in _COMPRESSED), "")


def _find_malformed(rows: DataFrame) -> Column:
    from pyspark.sql import functions as F

    if MALFORMED_COLUMN not in rows.columns:
        return problem(F.lit(False), "", "")
    text = F.concat(F.lit("the line cannot be read: "), F.substring(MALFORMED_COLUMN, 1, 60))
    return problem(F.col(MALFORMED_COLUMN).isNotNull(), "malformed_row", text)


def _number_rows() -> Column:
    from pyspark.sql import functions as F

    # Before any shuffle this rises in the order of the file's rows.
    return F.monotonically_increasing_id()


def _named(columns: list[Column | str], names: list[str]) -> list[Column]:
    from pyspark.sql import functions as F

    found = [F.col(column) if isinstance(column, str) else column for column in columns]
    return [column.alias(name) for column, name in zip(found, names, strict=True)]

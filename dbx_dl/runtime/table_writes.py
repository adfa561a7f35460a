"""Replacing a whole Delta table in one commit, by path or by catalog name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import absolute_path, first_line, is_path, quote_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def require_free_place(name: str, what: str) -> None:
    """DataError when `name`, which is no Delta table, is a path at which something else lies already."""
    if not is_path(name):
        return
    folder = Path(absolute_path(name))
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise DataError(f"{name} exists and is not a Delta table: name another place for the {what}")


def replace_table(
    rows: DataFrame, name: str, *, partitions: Sequence[str] = (), properties: Mapping[str, str] | None = None
) -> None:
    """Make `rows` the table's content, schema included, as one new version; DataError when Spark refuses."""
    from pyspark.errors import AnalysisException

    writer = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").options(**properties or {})
    if partitions:
        writer = writer.partitionBy(*partitions)
    try:
        if is_path(name):
            writer.save(absolute_path(name))
        else:
            writer.saveAsTable(quote_table(name))
    except AnalysisException as error:
        raise DataError(f"table {name} cannot be written: {first_line(error)}") from None

"""Whether rows are those that a table holds already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.prepare.tables import has_equal_rows
from dbx_dl.runtime.tables import read_pinned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import PreparedTable


def find_row_changes(
    spark: SparkSession, good: DataFrame, rejects: DataFrame, prepared: PreparedTable
) -> tuple[bool, bool]:
    """Whether good rows, and whether rejects, differ from those of a prepared table, in whatever order."""
    if prepared.rejects is None:
        raise ValueError("a prepared table always has rejects")
    return _differs(good, read_pinned(spark, prepared.table)), _differs(rejects, read_pinned(spark, prepared.rejects))


def _differs(rows: DataFrame, stored: DataFrame) -> bool:
    return not (set(rows.columns) <= set(stored.columns) and has_equal_rows(rows, stored, rows.columns))

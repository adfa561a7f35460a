"""Whether rows are those that a table holds already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.prepare.tables import fingerprint_rows
from dbx_dl.runtime.tables import read_pinned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import PreparedTable


def is_as_prepared(spark: SparkSession, good: DataFrame, rejects: DataFrame, prepared: PreparedTable) -> bool:
    """Whether good rows and rejects equal those of a prepared table, in whatever order, by count and hash."""
    return _is_equal(good, read_pinned(spark, prepared.table)) and (
        prepared.rejects is not None and _is_equal(rejects, read_pinned(spark, prepared.rejects))
    )


def _is_equal(rows: DataFrame, stored: DataFrame) -> bool:
    if not set(rows.columns) <= set(stored.columns):
        return False
    return fingerprint_rows(rows, rows.columns) == fingerprint_rows(stored, rows.columns)

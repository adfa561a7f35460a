"""Whether rows are those that a table holds already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.runtime.tables import quote_column, read_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    return _fingerprint(rows, rows.columns) == _fingerprint(stored, rows.columns)


def _fingerprint(rows: DataFrame, columns: Sequence[str]) -> tuple[int, int]:
    from pyspark.sql import functions as F

    digest = F.sum(F.xxhash64(*(quote_column(name) for name in columns)).cast("decimal(38,0)"))
    found = rows.agg(F.count("*").alias("rows"), F.coalesce(digest, F.lit(0)).alias("digest")).collect()[0]
    return int(found["rows"]), int(found["digest"])

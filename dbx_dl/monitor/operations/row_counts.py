"""Rows of each window by the reason of their error and by the model version that scored them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.monitor.scored_rows import ERROR, MODEL, VERSION, WINDOW, pick

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

OTHER_REASONS = "(other reasons)"
_MAX_CELLS = 1000
_SHOWN_CHARACTERS = 80
# What differs from row to row in an error's text: numbers, and what is quoted.
_QUOTED, _NUMBER = r"'[^']*'|\"[^\"]*\"", r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?"


@dataclass(frozen=True)
class RowCount:
    """Rows of one window with one reason (None: without an error) that one version of one model scored."""

    window: str
    reason: str | None
    model: str | None
    version: int | None
    num_rows: int


def count_rows(scored: DataFrame) -> tuple[RowCount, ...]:
    """The counts, in one pass; the rarest of more than 1,000 in a window lose their reason, not their rows."""
    from pyspark.sql import Window as RowWindow
    from pyspark.sql import functions as F

    reason = name_reason(pick(scored, ERROR)).alias("reason")
    model, version = pick(scored, MODEL).alias("model"), pick(scored, VERSION, "int").cast("int").alias("version")
    counted = scored.select(WINDOW, reason, model, version).groupBy(WINDOW, "reason", "model", "version").count()
    order = RowWindow.partitionBy(WINDOW).orderBy(F.desc("count"), "reason", "model", "version")
    is_rare = (F.row_number().over(order) > _MAX_CELLS) & F.col("reason").isNotNull()
    kept = F.when(is_rare, F.lit(OTHER_REASONS)).otherwise(F.col("reason"))
    rows = (
        counted.withColumn("reason", kept).groupBy(WINDOW, "reason", "model", "version").agg(F.sum("count")).collect()
    )
    found = [RowCount(row[0], row[1], row[2], row[3], row[4]) for row in rows]
    return tuple(sorted(found, key=lambda count: (count.window, -count.num_rows, str(count))))


def name_reason(error: Column) -> Column:
    """What kind of error a text is of: what is before its first `: `, with numbers and quoted values left out."""
    from pyspark.sql import functions as F

    head = F.substring_index(error, ": ", 1)
    plain = F.regexp_replace(F.regexp_replace(head, _QUOTED, "'…'"), _NUMBER, "#")
    return F.substring(F.trim(plain), 1, _SHOWN_CHARACTERS)

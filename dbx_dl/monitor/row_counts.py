"""How many rows a look is at, and of how many of them the inputs are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.monitor.scored_inputs import HAS_INPUTS
from dbx_dl.monitor.scored_rows import WINDOW

if TYPE_CHECKING:
    from dbx_dl.contracts import Area, Window
    from dbx_dl.monitor.windows import Look

# The figure that every window has, so that the table of findings knows of it: operations', or this module's own.
ROWS = ("rows_scored", "rows_looked_at")


def count_looked_at(look: Look, areas: Sequence[Area]) -> tuple[Finding, ...]:
    """Rows of each window where `operations` does not count them, and a warning of those whose inputs are gone."""
    from pyspark.sql import functions as F

    has_inputs = F.col(HAS_INPUTS) if HAS_INPUTS in look.rows.columns else F.lit(True)
    counted = look.rows.groupBy(WINDOW).agg(F.count("*").alias("rows"), F.count(F.when(~has_inputs, 1)).alias("lost"))
    counts = {row[WINDOW]: (row["rows"], row["lost"]) for row in counted.collect()}
    return tuple(
        finding
        for window in look.windows
        for finding in _tell(window, *counts.get(window.name, (0, 0)), is_counted="operations" in areas)
    )


def _tell(window: Window, num_rows: int, num_lost: int, *, is_counted: bool) -> Iterator[Finding]:
    if not is_counted:
        yield Finding(window=window.name, area="operations", metric=ROWS[1], value=float(num_rows), num_rows=num_rows)
    if num_lost:
        yield Finding(
            window=window.name,
            area="operations",
            metric="rows_without_inputs",
            value=float(num_lost),
            num_rows=num_rows,
            status="warning",
            detail="the source has no row any more with the key of these predictions: their inputs are not looked at",
        )

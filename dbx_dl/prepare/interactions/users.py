"""The users that are known, and the values of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A vocabulary is collected, and lies in every model's file.
MAX_KNOWN = 200_000


def list_frequent(train: DataFrame, name: str, most: int = MAX_KNOWN) -> tuple[tuple[str, ...], bool]:
    """The `most` most frequent values of a column of strings, sorted by name, and whether there are others."""
    from pyspark.sql import functions as F

    counts = train.where(f"{quote_column(name)} IS NOT NULL").groupBy(F.col(quote_column(name)).alias("value")).count()
    found = [row["value"] for row in counts.orderBy(F.desc("count"), "value").limit(most + 1).collect()]
    return tuple(sorted(found[:most])), len(found) > most

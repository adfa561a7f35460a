"""The key that every row to score has of its own."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import ScoreConfig


def key_columns(config: ScoreConfig) -> tuple[str, ...]:
    """The source's columns that make a row's key."""
    if config.has_files:
        return ("path",)
    return (config.key,) if isinstance(config.key, str) else config.key


def key_of(config: ScoreConfig) -> Column:
    """A source row's key, see `make_key`."""
    return make_key(key_columns(config))


def make_key(columns: Sequence[str]) -> Column:
    """A row's key as string; of several columns, their strings as a JSON list, null where one is null."""
    from pyspark.sql import functions as F

    parts = [F.col(quote_column(name)).cast("string") for name in columns]
    if len(parts) == 1:
        return parts[0]
    is_whole = reduce(and_, (part.isNotNull() for part in parts))
    return F.when(is_whole, F.to_json(F.array(*parts)))


def check_keys(rows: DataFrame, what: str) -> None:
    """DataError unless every row has a key of its own, with the number of those that have not."""
    from pyspark.sql import functions as F

    groups = rows.groupBy("key").agg(F.count("*").alias("rows"))
    repeated = F.col("key").isNotNull() & (F.col("rows") > 1)
    found = groups.agg(
        F.coalesce(F.sum(F.when(F.col("key").isNull(), F.col("rows"))), F.lit(0)).alias("nulls"),
        F.count(F.when(repeated, 1)).alias("repeated"),
        F.min(F.when(repeated, F.col("key"))).alias("example"),
    ).collect()[0]
    problems = []
    if found["nulls"]:
        problems.append(f"{found['nulls']} rows without a key")
    if found["repeated"]:
        problems.append(f"{found['repeated']} keys that several rows have (such as {found['example']!r})")
    if problems:
        raise DataError(f"{what} has {' and '.join(problems)}: every row to score needs a key of its own")

"""The rows of a scored table that a look is at, each with the window that it belongs to."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from dbx_dl.contracts import Window
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.monitor.scored_rows import WINDOW
from dbx_dl.monitor.time_windows import cut_by_time
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.tables import locate_version, pin_table, read_pinned, require_columns

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.windows import WindowsConfig
    from dbx_dl.contracts import TableVersion

logger = logging.getLogger(__name__)


# What makes a prediction the same one in two versions of a table.
IDENTITY = ("key", "scored_at")


@dataclass(frozen=True)
class Look:
    """`rows` are the columns of version `source` of the scored table and WINDOW, the name of one of `windows`.

    `windows` are in order of time. `notes` are sentences about what was left out.
    """

    source: TableVersion
    windows: tuple[Window, ...]
    rows: DataFrame
    notes: tuple[str, ...] = ()


def pin_scored(spark: SparkSession, name: str) -> tuple[TableVersion, DataFrame]:
    """The latest version of a table of predictions, and its rows; DataError where it is none."""
    table = pin_table(spark, name)
    rows = read_pinned(spark, table)
    require_columns(rows, IDENTITY, f"table {name} is watched as a table of predictions, and")
    if WINDOW in rows.columns:
        raise DataError(
            f"table {name} has a column {WINDOW!r}, which monitoring uses itself: give the model's output another name"
        )
    return table, rows


def choose_windows(
    spark: SparkSession,
    table: TableVersion,
    rows: DataFrame,
    config: WindowsConfig,
    position: int | None,
    now: datetime | None = None,
) -> Look:
    """The windows that `config` asks for of the `rows` of a scored table.

    `position` is the last version that an earlier look by commits has seen, None for the first look. `now` is the
    moment of the look, after which no window by time is (without it, that of the call).
    DataError for a version that the table has not, ConfigError for a column of time that is none.
    """
    if config.by == "time":
        cut = cut_by_time(rows, config, WINDOW, now)
        return Look(table, cut.windows, cut.rows, cut.notes)
    if config.by == "whole":
        return _look_at(table, Window(name=f"v{table.version}", last_version=table.version), rows)
    if config.by == "versions":
        first = config.first_version or 0
        last = _choose_last(spark, table, config)
        return _look_at_written(spark, last, first, read_pinned(spark, last))
    return _look_at_written(spark, table, _go_on(table, position), rows)


def _choose_last(spark: SparkSession, table: TableVersion, config: WindowsConfig) -> TableVersion:
    first, last = config.first_version or 0, config.last_version
    for name, version in (("first_version", first), ("last_version", last)):
        if version is not None and version > table.version:
            raise ConfigError(f"windows.{name} is {version}: the latest version of {table.name} is {table.version}")
    return table if last is None else locate_version(spark, table.name, last)


def _go_on(table: TableVersion, position: int | None) -> int:
    """The first version that was not looked at."""
    if position is None:
        return 0
    if position > table.version:
        # A table that was made anew counts from 0 again.
        logger.warning(
            "the last look at %s was at version %d, its latest is %d: it was made anew or restored, and is looked at "
            "from its beginning",
            *(table.name, position, table.version),
        )
        return 0
    return position + 1


def _look_at_written(spark: SparkSession, table: TableVersion, first: int, rows: DataFrame) -> Look:
    """One window of the rows of `table` that its versions from `first` on wrote."""
    if first > table.version:
        return Look(table, (), rows.limit(0).transform(lambda none: _name_window(none, "")))
    window = Window(name=_name_range(first, table.version), first_version=first, last_version=table.version)
    if first == 0:
        return _look_at(table, window, rows)
    seen = _read_seen(spark, locate_version(spark, table.name, first - 1))
    if seen is None:
        note = (
            f"version {first - 1} of {table.name} is gone, so that what came since cannot be told from what was there: "
            "all rows are looked at; look more often than old versions are removed"
        )
        logger.warning("%s", note)
        return _look_at(table, window, rows, (note,))
    is_seen = reduce(and_, (rows[name].eqNullSafe(seen[f"_seen_{name}"]) for name in IDENTITY))
    return _look_at(table, window, rows.join(seen, is_seen, "left_anti"))


def _read_seen(spark: SparkSession, before: TableVersion) -> DataFrame | None:
    """What identifies the rows of an earlier version; None where it cannot be read any more.

    It is read here, so that files that were vacuumed are missed now and not amid a job.
    """
    from pyspark.sql import functions as F

    try:
        seen = read_pinned(spark, before).selectExpr(*(f"{name} AS _seen_{name}" for name in IDENTITY))
        with explain_read_errors(f"version {before.version} of {before.name}"):
            seen.agg(F.max(F.xxhash64(*seen.columns))).collect()
    except DataError as error:
        logger.debug("%s", error)
        return None
    return seen


def _look_at(table: TableVersion, window: Window, rows: DataFrame, notes: tuple[str, ...] = ()) -> Look:
    return Look(table, (window,), _name_window(rows, window.name), notes)


def _name_window(rows: DataFrame, name: str) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.withColumn(WINDOW, F.lit(name))


def _name_range(first: int, last: int) -> str:
    return f"v{first}" if first == last else f"v{first}-v{last}"

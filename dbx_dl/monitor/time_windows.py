"""Spans of time as windows: which there are, and which rows are in which."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dbx_dl.contracts import Window
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.tables import quote_column, require_columns
from dbx_dl.transforms.raw_timestamps import instant_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config.windows import WindowsConfig

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_START = "_window_start"
_DAY_HOURS = 24
_MOMENTS = ("timestamp", "timestamp_ntz", "date", "string")


@dataclass(frozen=True)
class TimeCut:
    """Windows in order, those without rows between others included, and the rows within them."""

    windows: tuple[Window, ...]
    rows: DataFrame
    notes: tuple[str, ...]


def cut_by_time(rows: DataFrame, config: WindowsConfig, name: str) -> TimeCut:
    """The rows with a column `name` that holds the name of their window; counts rows by window in one job.

    Rows without a time, and those before the latest `max_windows` windows, are left out, and a note says so.
    DataError where the column of time is absent or holds none, ConfigError where it is of another type.
    """
    from pyspark.sql import functions as F

    width = round(config.hours * 3600 * 1_000_000)
    micros = _read_micros(rows, config.column)
    # Whole numbers only: a quotient of doubles may be of the next window.
    chosen = rows.where(_within(micros, config)).withColumn(_START, micros - F.pmod(micros, F.lit(width)))
    counts = {row[_START]: row["count"] for row in chosen.groupBy(_START).count().collect()}
    num_timeless = counts.pop(None, 0)
    is_bounded = config.since is not None or config.until is not None
    if num_timeless and not counts and not is_bounded:
        raise DataError(f"none of {num_timeless} rows has a time in windows.column {config.column!r}: name another one")
    starts = _list_starts(list(counts), config, width)
    notes = _tell(config, num_timeless, sum(counts[start] for start in counts if start < starts[0]) if starts else 0)
    windows = tuple(_make_window(start, width) for start in starts)
    if not windows:
        return TimeCut((), rows.limit(0).withColumn(name, F.lit("")), notes)
    pairs = zip(starts, (window.name for window in windows), strict=True)
    names = F.create_map(*(F.lit(value) for pair in pairs for value in pair))
    within = chosen.where(F.col(_START) >= starts[0]).withColumn(name, names[F.col(_START)]).drop(_START)
    return TimeCut(windows, within, notes)


def _read_micros(rows: DataFrame, column: str) -> Column:
    """Microseconds since 1970 in UTC; a time without an offset is taken as UTC, whatever the session's zone is."""
    from pyspark.sql import functions as F

    require_columns(rows, (column,), "windows.column: the scored table, or its source,")
    kind = rows.schema[column].dataType
    if kind.simpleString() not in _MOMENTS:
        raise ConfigError(
            f"windows.column {column!r} is of type {kind.simpleString()}: windows by time need a timestamp or a date"
        )
    return F.unix_micros(instant_of(F.col(quote_column(column)), kind))


def _within(micros: Column, config: WindowsConfig) -> Column:
    """Rows without a time stay, to be counted."""
    from pyspark.sql import functions as F

    condition = F.lit(True)
    if config.since is not None:
        condition = condition & (micros >= _to_micros(config.since))
    if config.until is not None:
        condition = condition & (micros < _to_micros(config.until))
    return F.coalesce(condition, F.lit(True))


def _list_starts(found: list[int], config: WindowsConfig, width: int) -> list[int]:
    """Starts of the latest windows, from the first that has rows (or `since`) to the last one (or `until`)."""
    if not found:
        return []
    first = min(found) if config.since is None else _to_micros(config.since)
    last = max(found) if config.until is None else _to_micros(config.until) - 1
    places = range(first // width, last // width + 1)
    return [place * width for place in places[-config.max_windows :]]


def _make_window(micros: int, width: int) -> Window:
    start, end = (_EPOCH + each * _MICROSECOND for each in (micros, micros + width))
    return Window(name=_name_moment(start, width), start=start, end=end)


def _name_moment(start: datetime, width: int) -> str:
    if width % (_DAY_HOURS * 3600 * 1_000_000) == 0:
        return start.strftime("%Y-%m-%d")
    if width % 60_000_000 == 0:
        return start.strftime("%Y-%m-%dT%H:%MZ")
    return start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _tell(config: WindowsConfig, num_timeless: int, num_before: int) -> tuple[str, ...]:
    notes = []
    if num_timeless:
        notes.append(f"{num_timeless} rows have no {config.column} and are in no window")
    if num_before:
        notes.append(f"{num_before} rows are before the latest {config.max_windows} windows and are not looked at")
    for note in notes:
        logger.warning("%s", note)
    return tuple(notes)

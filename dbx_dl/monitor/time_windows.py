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
_START, _IS_LATER = "_window_start", "_is_later"
_DAY_HOURS = 24
_MOMENTS = ("timestamp", "timestamp_ntz", "date", "string")


@dataclass(frozen=True)
class TimeCut:
    """Windows in order, those without rows between others included, and the rows within them."""

    windows: tuple[Window, ...]
    rows: DataFrame
    notes: tuple[str, ...]


def cut_by_time(rows: DataFrame, config: WindowsConfig, name: str, now: datetime | None = None) -> TimeCut:
    """The rows with a column `name` that holds the name of their window; counts rows by window in one job.

    Rows without a time, those after `now` (without it, the moment of the call; a date such as 9999-12-31 often stands
    for none), and those before the latest `max_windows` windows, are left out, and a note says so.
    DataError where the column of time is absent or holds none, ConfigError where it is of another type.
    """
    from pyspark.sql import functions as F

    width = round(config.hours * 3600 * 1_000_000)
    micros, last = _read_micros(rows, config.column), _to_micros(now or datetime.now(UTC))
    is_later = F.coalesce(micros > last, F.lit(False))
    # Whole numbers only: a quotient of doubles may be of the next window.
    start = F.when(~is_later, micros - F.pmod(micros, F.lit(width)))
    chosen = rows.where(_within(micros, config)).withColumns({_START: start, _IS_LATER: is_later})
    found = chosen.groupBy(_START, _IS_LATER).count().collect()
    counts = {row[_START]: row["count"] for row in found if row[_START] is not None}
    outside = {row[_IS_LATER]: row["count"] for row in found if row[_START] is None}
    is_bounded = config.since is not None or config.until is not None
    if outside and not counts and not is_bounded:
        raise DataError(
            f"none of {sum(outside.values())} rows has a time in windows.column {config.column!r}"
            f"{' that is not in the future' if outside.get(True) else ''}: name another one"
        )
    starts = _list_starts(list(counts), config, width, last)
    num_before = sum(counts[start] for start in counts if start < starts[0]) if starts else 0
    notes = _tell(config, outside.get(False, 0), outside.get(True, 0), num_before)
    windows = tuple(_make_window(start, width) for start in starts)
    if not windows:
        return TimeCut((), rows.limit(0).withColumn(name, F.lit("")), notes)
    pairs = zip(starts, (window.name for window in windows), strict=True)
    names = F.create_map(*(F.lit(value) for pair in pairs for value in pair))
    within = chosen.where(F.col(_START) >= starts[0]).withColumn(name, names[F.col(_START)])
    return TimeCut(windows, within.drop(_START, _IS_LATER), notes)


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


def _list_starts(found: list[int], config: WindowsConfig, width: int, now: int) -> list[int]:
    """Starts of the latest windows, from the first that has rows (or `since`) to the last one (or `until`, or now)."""
    if not found:
        return []
    first = min(found) if config.since is None else _to_micros(config.since)
    last = max(found) if config.until is None else min(_to_micros(config.until) - 1, now)
    places = range(first // width, last // width + 1)
    return [place * width for place in places[-config.max_windows :]]


def _make_window(micros: int, width: int) -> Window:
    first, last = _to_micros(datetime.min.replace(tzinfo=UTC)), _to_micros(datetime.max.replace(tzinfo=UTC))
    start, end = (_EPOCH + min(max(each, first), last) * _MICROSECOND for each in (micros, micros + width))
    return Window(name=_name_moment(start, width), start=start, end=end)


def _name_moment(start: datetime, width: int) -> str:
    if width % (_DAY_HOURS * 3600 * 1_000_000) == 0:
        return start.strftime("%Y-%m-%d")
    if width % 60_000_000 == 0:
        return start.strftime("%Y-%m-%dT%H:%MZ")
    return start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _tell(config: WindowsConfig, num_timeless: int, num_later: int, num_before: int) -> tuple[str, ...]:
    notes = []
    if num_timeless:
        notes.append(f"{num_timeless} rows have no {config.column} and are in no window")
    if num_later:
        notes.append(f"{num_later} rows have a {config.column} after the moment of the look and are in no window")
    if num_before:
        notes.append(f"{num_before} rows are before the latest {config.max_windows} windows and are not looked at")
    for note in notes:
        logger.warning("%s", note)
    return tuple(notes)

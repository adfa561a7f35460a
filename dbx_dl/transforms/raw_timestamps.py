"""Dates, timestamps and ISO 8601 text on Spark become instants that do not depend on the session's time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import DataType

_DATE = r"^\s*(?!0000)(\d{4}-\d{2}-\d{2})"
_TIME = r"[Tt ](\d{2}:\d{2})"
_SECONDS = r"(?:(:\d{2})(?:[.,](\d{1,6})\d*)?)?"
_OFFSET = r"\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?"
_ISO = rf"{_DATE}(?:{_TIME}{_SECONDS}{_OFFSET})?\s*$"
_DAY_MICROSECONDS = 86_400_000_000


def instant_of(column: Column, kind: DataType) -> Column:
    """A column of this type (string, date, timestamp with or without time zone) as timestamp; UTC without an offset.

    Text that is no date becomes null, see `raw_columns.read_timestamp`.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import DateType, TimestampType

    if isinstance(kind, TimestampType):
        return column
    if isinstance(kind, DateType):
        return F.timestamp_micros(F.try_multiply(F.unix_date(column).cast("long"), F.lit(_DAY_MICROSECONDS)))
    return _parse(column.cast("string"))


def _parse(text: Column) -> Column:
    """ISO 8601 text, put together again in the one form that Spark's cast takes in every version."""
    from pyspark.sql import functions as F

    def group(number: int) -> Column:
        return F.regexp_extract(text, _ISO, number)

    def or_else(number: int, default: str) -> Column:
        return F.when(group(number) == "", F.lit(default)).otherwise(group(number))

    minutes, seconds, fraction = or_else(2, "00:00"), or_else(3, ":00"), or_else(4, "0")
    offset = F.upper(or_else(5, "Z"))
    whole = F.concat(group(1), F.lit("T"), minutes, seconds, F.lit("."), fraction, offset)
    return F.when(text.rlike(_ISO), whole).try_cast("timestamp")

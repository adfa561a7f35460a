"""Hours, days, weeks and months as whole numbers, in UTC whatever the session's time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pyspark.sql import Column

TimeStep = Literal["hour", "day", "week", "month"]

_HOUR_MICROSECONDS = 3_600_000_000
_DAY_MICROSECONDS = 24 * _HOUR_MICROSECONDS
# 1970-01-01 was a Thursday: weeks begin on Mondays.
_DAYS_BEFORE_MONDAY = 3


def number_steps(time: Column, step: TimeStep) -> Column:
    """The number bigint of the step that a timestamp is in, counted from 1970."""
    from pyspark.sql import functions as F

    micros = F.unix_micros(time)
    if step == "hour":
        return F.floor(micros / _HOUR_MICROSECONDS)
    days = F.floor(micros / _DAY_MICROSECONDS)
    if step == "day":
        return days
    if step == "week":
        return F.floor((days + _DAYS_BEFORE_MONDAY) / 7)
    date = F.date_from_unix_date(days.cast("int"))
    return (F.year(date) * 12 + F.month(date) - 1).cast("bigint")


def start_step(number: Column, step: TimeStep) -> Column:
    """The timestamp at which a step begins."""
    from pyspark.sql import functions as F

    if step == "hour":
        return F.timestamp_micros(number * _HOUR_MICROSECONDS)
    return F.timestamp_micros(_first_day(number, step) * _DAY_MICROSECONDS)


def name_step(number: Column, step: TimeStep) -> Column:
    """A step as text: its first day, of an hour with `T05`."""
    from pyspark.sql import functions as F

    if step != "hour":
        return F.date_from_unix_date(_first_day(number, step).cast("int")).cast("string")
    day = F.date_from_unix_date(F.floor(number / 24).cast("int")).cast("string")
    return F.concat(day, F.lit("T"), F.lpad(F.pmod(number, F.lit(24)).cast("string"), 2, "0"))


def _first_day(number: Column, step: TimeStep) -> Column:
    """Days since 1970, bigint."""
    from pyspark.sql import functions as F

    if step == "day":
        return number
    if step == "week":
        return number * 7 - _DAYS_BEFORE_MONDAY
    month = F.pmod(number, F.lit(12))
    date = F.make_date(F.floor(number / 12).cast("int"), (month + 1).cast("int"), F.lit(1))
    return F.unix_date(date).cast("bigint")

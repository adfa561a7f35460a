"""What pandas would spoil on the way into a worker travels as text: long integers and timestamps.

A pandas UDF gets integers beside nulls as floats, and timestamps as nanoseconds of the session's local time, without
its offset: digits, the hours when clocks go back, and years outside 1678 to 2262 are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from pyspark.sql import Column

    from dbx_dl.score.inputs.wants import Want
    from dbx_dl.score.model.plan import ScorePlan

_INTEGERS = ("boolean", "tinyint", "smallint", "int", "bigint", "void")
_TEXTS = ("string", *_INTEGERS)
# What travels as text, and what a model takes there in words.
_REFUSALS = {"category": "categories", "text": "texts", "integer": "whole numbers", "timestamp": "dates"}
_DAY_MICROSECONDS = 86_400_000_000


def write_as_text(columns: Sequence[Column | str], wants: Sequence[Want]) -> list[Column]:
    """The columns of a call (by position, or one struct) with categories, texts, integers and timestamps as text.

    A type that the model does not take there fails the job. A single column for a model that takes one may be a
    struct too, which only its type could tell: it stays as it is, unless the model wants a timestamp.
    """
    from pyspark.sql import functions as F

    given = [F.col(column) if isinstance(column, str) else column for column in columns]
    if len(given) == len(wants) > 1:
        return [_as_text(column, want) for column, want in zip(given, wants, strict=True)]
    if len(given) != 1:
        return given
    (column,) = given
    if len(wants) == 1:
        return [_as_text(column, want) for want in wants if want.element == "timestamp"] or [column]
    for want in wants:
        if want.element in _REFUSALS and not want.dims:
            column = column.withField(_quote(want.name), _as_text(column[want.name], want))
    return [column]


def read_from_text(batch: pa.RecordBatch, plan: ScorePlan) -> pa.RecordBatch:
    """The batch with timestamps (decimal microseconds) and integers of `write_as_text` as such again."""
    import pyarrow as pa

    kinds = {"timestamp": pa.timestamp("us", "UTC"), "integer": pa.int64()}
    for want in plan.wants:
        place = batch.schema.get_field_index(want.name)
        is_text = place >= 0 and batch.schema.types[place] in (pa.string(), pa.large_string())
        if is_text and want.element in kinds and not want.dims:
            column = batch.column(place).cast(pa.int64()).cast(kinds[want.element])
            batch = batch.set_column(place, want.name, column)
    return batch


def _as_text(column: Column, want: Want) -> Column:
    from pyspark.sql import functions as F

    if want.dims or want.element not in _REFUSALS:
        return column
    if want.element == "timestamp":
        return _micros(column, want).cast("string")
    kind = F.substring_index(F.typeof(column), " ", 1)  # string collate …
    refused = _refuse(column, want)
    if want.element == "integer":
        return F.when(kind.isin(*_INTEGERS), column.cast("bigint").cast("string")).otherwise(refused)
    return F.when(kind.isin(*_TEXTS), column.cast("string")).otherwise(refused)


def _micros(column: Column, want: Want) -> Column:
    """Microseconds since 1970 UTC of a date or timestamp whose type is known only when the plan is."""
    from pyspark.sql import functions as F

    kind = F.typeof(column)
    days = F.unix_date(column.cast("date")).cast("long")
    of_local = F.unix_micros(F.concat(column.cast("string"), F.lit("Z")).try_cast("timestamp"))
    refused = F.when(kind != "void", _refuse(column, want)).cast("long")
    return (
        F.when(kind == "timestamp", F.unix_micros(column.cast("timestamp")))
        .when(kind == "timestamp_ntz", of_local)
        .when(kind == "date", F.try_multiply(days, F.lit(_DAY_MICROSECONDS)))
        .otherwise(refused)
    )


def _refuse(column: Column, want: Want) -> Column:
    from pyspark.sql import functions as F

    start, end = f"column '{want.name}' holds ", f", but the model takes {_REFUSALS[want.element]} there"
    return F.raise_error(F.concat(F.lit(start), F.typeof(column), F.lit(end))).cast("string")


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"

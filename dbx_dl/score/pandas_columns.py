"""What pandas would spoil on the way into a worker travels as text: long integers and timestamps.

A pandas UDF gets integers beside nulls as floats, and timestamps as nanoseconds of the session's local time, without
its offset: digits, the hours when clocks go back, and years outside 1678 to 2262 are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from pyspark.sql import Column

    from dbx_dl.contracts import InputSpec
    from dbx_dl.contracts.inputs import Feature

_TEXTS = ("string", "boolean", "tinyint", "smallint", "int", "bigint", "void")
_DAY_MICROSECONDS = 86_400_000_000


def write_as_text(columns: Sequence[Column | str], inputs: InputSpec) -> list[Column]:
    """The columns of a call (by position, or one struct) with categories and timestamps as text.

    A type that the model does not take there fails the job. A single column for a model that takes one may be a
    struct too, which only its type could tell: it stays as it is, unless the model wants a timestamp.
    """
    from pyspark.sql import functions as F

    given = [F.col(column) if isinstance(column, str) else column for column in columns]
    if not isinstance(inputs, FeatureSpec):
        return given
    if len(given) == len(inputs.features) > 1:
        return [_as_text(column, feature) for column, feature in zip(given, inputs.features, strict=True)]
    (column,) = given
    if len(inputs.features) == 1:
        return [_as_text(column, feature) for feature in inputs.features if feature.kind == "datetime"] or [column]
    for feature in inputs.features:
        if feature.kind in ("categorical", "hashed", "datetime"):
            field = _quote(feature.column)
            column = column.withField(field, _as_text(column[feature.column], feature))
    return [column]


def read_from_text(batch: pa.RecordBatch, inputs: InputSpec) -> pa.RecordBatch:
    """The batch with timestamps of `write_as_text` (decimal microseconds) as timestamps again."""
    import pyarrow as pa

    timestamps = [f.column for f in inputs.features if f.kind == "datetime"] if isinstance(inputs, FeatureSpec) else []
    for name in timestamps:
        place = batch.schema.get_field_index(name)
        if place >= 0 and batch.schema.types[place] in (pa.string(), pa.large_string()):
            micros = batch.column(place).cast(pa.int64()).cast(pa.timestamp("us", "UTC"))
            batch = batch.set_column(place, name, micros)
    return batch


def _as_text(column: Column, feature: Feature) -> Column:
    from pyspark.sql import functions as F

    if feature.kind in ("categorical", "hashed"):
        kind = F.substring_index(F.typeof(column), " ", 1)  # string collate …
        return F.when(kind.isin(*_TEXTS), column.cast("string")).otherwise(_refuse(column, feature, "categories"))
    if feature.kind == "datetime":
        return _micros(column, feature).cast("string")
    return column


def _micros(column: Column, feature: Feature) -> Column:
    """Microseconds since 1970 UTC of a date or timestamp whose type is known only when the plan is."""
    from pyspark.sql import functions as F

    kind = F.typeof(column)
    days = F.unix_date(column.cast("date")).cast("long")
    of_local = F.unix_micros(F.concat(column.cast("string"), F.lit("Z")).try_cast("timestamp"))
    refused = F.when(kind != "void", _refuse(column, feature, "dates")).cast("long")
    return (
        F.when(kind == "timestamp", F.unix_micros(column.cast("timestamp")))
        .when(kind == "timestamp_ntz", of_local)
        .when(kind == "date", F.try_multiply(days, F.lit(_DAY_MICROSECONDS)))
        .otherwise(refused)
    )


def _refuse(column: Column, feature: Feature, wanted: str) -> Column:
    from pyspark.sql import functions as F

    start, end = f"column '{feature.column}' holds ", f", but the model takes {wanted} there"
    return F.raise_error(F.concat(F.lit(start), F.typeof(column), F.lit(end))).cast("string")


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"

"""Spark columns as they come become a model's raw columns: null tokens, and text in the place of other types."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from dbx_dl.transforms.raw_timestamps import instant_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

RawKind = Literal["numeric", "boolean", "categorical", "datetime", "embedding", "texts", "steps"]

# What counts as a number in text; Spark's own cast would also take "1d" and "0x1p3".
# Each digit can be matched in one way only: else many digits before a letter take time by their square.
_NUMBER = r"(?i)^\s*[+-]?((\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)\s*$"
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def quote_name(name: str) -> str:
    """A column's name as an identifier that dots and backticks do not break."""
    return "`" + name.replace("`", "``") + "`"


def read_text(name: str, null_tokens: Sequence[str]) -> Column:
    """A column as string (booleans become `true` and `false`), null where it is empty or one of the null tokens."""
    from pyspark.sql import functions as F

    text = F.col(quote_name(name)).cast("string")
    return F.when(~text.isin("", *null_tokens), text).alias(name)


def read_number(df: DataFrame, name: str, null_tokens: Sequence[str]) -> Column:
    """A column as double; null tokens, text that is no number, NaN and infinities become null."""
    from pyspark.sql import functions as F

    if not is_text(df.schema[name].dataType):
        number = F.col(quote_name(name)).cast("int" if _is_boolean(df, name) else "double").cast("double")
    else:
        text = read_text(name, null_tokens)
        number = F.when(text.rlike(_NUMBER), F.trim(text)).try_cast("double")
    # To Spark, NaN is greater than every number.
    return F.when(F.abs(number) <= sys.float_info.max, number).alias(name)


def read_boolean(df: DataFrame, name: str, null_tokens: Sequence[str]) -> Column:
    """A column as double, 1.0 for true and 0.0 for false; whatever is neither becomes null.

    Takes booleans, the numbers 0 and 1, and text: true, false, yes, no, 1, 0 in any case.
    """
    from pyspark.sql import functions as F

    if is_text(df.schema[name].dataType):
        word = F.lower(F.trim(read_text(name, null_tokens)))
        flag = F.when(word.isin(*_TRUE), 1.0).when(word.isin(*_FALSE), 0.0)
    else:
        number = read_number(df, name, null_tokens)
        flag = F.when(number.isin(0.0, 1.0), F.abs(number))
    return flag.alias(name)


def read_timestamp(df: DataFrame, name: str, null_tokens: Sequence[str]) -> Column:
    """A column as timestamp (an instant), whatever the session's time zone; text that is no date becomes null.

    Takes dates (their midnight), timestamps, and text in ISO 8601: `2024-02-29`, or with a time after `T` or a blank
    (`14:05`, `14:05:59`, `14:05:59.25`) and after that an offset (`Z`, `+01`, `+0100`, `+01:00`). What has no offset,
    timestamps without time zone included, is UTC. Digits after microseconds are dropped.
    """
    from pyspark.sql import functions as F

    kind = df.schema[name].dataType
    column = read_text(name, null_tokens) if is_text(kind) else F.col(quote_name(name))
    return instant_of(column, kind).alias(name)


def read_embedding(df: DataFrame, name: str) -> Column:
    """A column of arrays of numbers as array<double>; null arrays and null elements stay."""
    from pyspark.sql import functions as F

    del df  # every reader of a typed column takes it
    return F.col(quote_name(name)).cast("array<double>").alias(name)


def read_texts(name: str) -> Column:
    """A column of arrays as array<string>; null arrays and null elements stay."""
    from pyspark.sql import functions as F

    return F.col(quote_name(name)).cast("array<string>").alias(name)


def is_unparsable(
    df: DataFrame, name: str, null_tokens: Sequence[str], kind: RawKind = "numeric", *, size: int | None = None
) -> Column:
    """True where a column holds something that is neither a null token nor of this kind; never null.

    Numbers and timestamps fail in text only; as booleans, numbers other than 0 and 1 fail too. Embeddings fail where
    an element is null or, with `size`, where they have another length. Text is always a category, an array numbers by
    step.
    """
    from pyspark.sql import functions as F

    if kind in ("categorical", "texts", "steps"):
        return F.lit(False)
    if kind == "embedding":
        return _is_broken_array(read_embedding(df, name), size)
    is_typed = not is_text(df.schema[name].dataType)
    if is_typed and (kind != "boolean" or _is_boolean(df, name)):
        return F.lit(False)
    given = read_number(df, name, null_tokens) if is_typed else read_text(name, null_tokens)
    if kind == "numeric":
        return F.coalesce(~given.rlike(_NUMBER), F.lit(False))
    read = read_boolean if kind == "boolean" else read_timestamp
    return given.isNotNull() & read(df, name, null_tokens).isNull()


def is_readable(given: DataType, kind: RawKind) -> bool:
    """Whether the reader of a kind takes columns of this type, text in the place of other types included."""
    from pyspark.sql import types as T

    if isinstance(given, T.NullType):
        return True
    if kind in ("embedding", "steps"):
        return isinstance(given, T.ArrayType) and isinstance(given.elementType, T.NumericType | T.NullType)
    if kind == "texts":
        return isinstance(given, T.ArrayType) and isinstance(given.elementType, T.StringType | T.IntegralType)
    others: dict[str, tuple[type[DataType], ...]] = {
        "numeric": (T.NumericType, T.BooleanType),
        "boolean": (T.NumericType, T.BooleanType),
        "categorical": (T.NumericType, T.BooleanType, T.DateType),
        "datetime": (T.DateType, T.TimestampType, T.TimestampNTZType),
    }
    return is_text(given) or isinstance(given, others[kind])


def is_text(kind: DataType) -> bool:
    """Whether values of this type are strings."""
    from pyspark.sql.types import StringType

    return isinstance(kind, StringType)


def _is_broken_array(array: Column, size: int | None) -> Column:
    from pyspark.sql import functions as F

    has_null = F.exists(array, lambda element: element.isNull())
    broken = has_null if size is None else has_null | (F.size(array) != size)
    return array.isNotNull() & F.coalesce(broken, F.lit(False))


def _is_boolean(df: DataFrame, name: str) -> bool:
    from pyspark.sql.types import BooleanType

    return isinstance(df.schema[name].dataType, BooleanType)

"""Spark columns as they come become a model's raw columns: null tokens, numbers in text, categories of other types."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

# What counts as a number in text; Spark's own cast would also take "1d" and "0x1p3".
_NUMBER = r"(?i)^\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)\s*$"


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


def is_unparsable(df: DataFrame, name: str, null_tokens: Sequence[str]) -> Column:
    """True where a text column holds something that is neither a number nor a null token; never null."""
    from pyspark.sql import functions as F

    if not is_text(df.schema[name].dataType):
        return F.lit(False)
    text = read_text(name, null_tokens)
    return F.coalesce(~text.rlike(_NUMBER), F.lit(False))


def is_text(kind: DataType) -> bool:
    """Whether values of this type are strings."""
    from pyspark.sql.types import StringType

    return isinstance(kind, StringType)


def _is_boolean(df: DataFrame, name: str) -> bool:
    from pyspark.sql.types import BooleanType

    return isinstance(df.schema[name].dataType, BooleanType)

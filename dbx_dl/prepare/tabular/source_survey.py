"""What one pass over a source tells of its columns, as far as it matters for their kinds and for the task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dbx_dl.distributions.value_counts import count_distinct
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.raw_columns import is_text, is_unparsable, read_number, read_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row
    from pyspark.sql.types import DataType

Family = Literal["text", "boolean", "integer", "number", "datetime", "numbers", "texts", "other"]

# Integers that a double may not hold exactly: 2 ** 53 has sixteen digits.
_LARGE_INTEGER = r"^\s*[+-]?0*[1-9]\d{15,}\s*$"
# What every ISO 8601 date starts with: only text of which all does is read as dates, in a pass of its own.
_DATE_START = r"^\s*\d{4}-\d{2}-\d{2}"
_BOOLEAN_WORDS = ("true", "false", "yes", "no")
# Below, every integer is exact in a double.
MAX_EXACT = 2.0**53


@dataclass(frozen=True)
class ColumnSurvey:
    """Counts of one column's rows; `values` are those that are not null (no null token, not empty).

    `num_distinct` is approximate. `sizes` are the smallest, the largest and the most frequent length of arrays.
    """

    family: Family
    num_values: int = 0
    num_distinct: int = 0
    not_boolean: int = 0
    not_number: int = 0
    not_integer: int = 0
    not_datetime: int = 0
    large_integers: int = 0
    negatives: int = 0
    sizes: tuple[int, int, int] | None = None


def type_family(kind: DataType) -> Family:
    """What values of a Spark type can be: `numbers` and `texts` are arrays of them."""
    from pyspark.sql import types as T

    if is_text(kind):
        return "text"
    if isinstance(kind, T.BooleanType):
        return "boolean"
    if isinstance(kind, T.IntegralType) or (isinstance(kind, T.DecimalType) and kind.scale == 0):
        return "integer"
    if isinstance(kind, T.NumericType):
        return "number"
    if isinstance(kind, T.DateType | T.TimestampType | T.TimestampNTZType):
        return "datetime"
    if isinstance(kind, T.ArrayType) and isinstance(kind.elementType, T.NumericType):
        return "numbers"
    return "texts" if isinstance(kind, T.ArrayType) and is_text(kind.elementType) else "other"


def survey_columns(
    raw: DataFrame, names: Iterable[str], label: str | None, null_tokens: Sequence[str]
) -> dict[str, ColumnSurvey]:
    """Counts of the named columns and of the label (with its distinct values), in one aggregation or none.

    A second one reads the dates in columns of text that look like dates. Malformed rows do not count. What the type
    alone decides (of booleans, dates, doubles) is not counted.
    """
    from pyspark.sql import functions as F

    asked = [*names, *([label] if label is not None else [])]
    families = {name: type_family(raw.schema[name].dataType) for name in asked}
    rows = raw.where(F.col(MALFORMED_COLUMN).isNull()) if MALFORMED_COLUMN in raw.columns else raw
    read = [_read(name, families[name], null_tokens).alias(f"c{i}") for i, name in enumerate(asked)]
    columns = rows.select(*read) if read else rows
    aggregates: list[Column] = []
    for i, name in enumerate(asked):
        counts = _list_counts(columns, f"c{i}", families[name], is_label=name == label)
        aggregates += [count.alias(f"{key}_{i}") for key, count in counts.items()]
    if not aggregates:
        return {name: ColumnSurvey(family) for name, family in families.items()}
    found = columns.agg(*aggregates).collect()[0]
    surveys = {name: _read_survey(found, i, families[name]) for i, name in enumerate(asked)}
    return surveys | _count_broken_dates(rows, surveys, label, null_tokens)


def _count_broken_dates(
    rows: DataFrame, surveys: dict[str, ColumnSurvey], label: str | None, tokens: Sequence[str]
) -> dict[str, ColumnSurvey]:
    from pyspark.sql import functions as F

    names = [
        name
        for name, survey in surveys.items()
        if survey.family == "text" and survey.num_values and not survey.not_datetime and name != label
    ]
    if not names:
        return {}
    broken = (F.count_if(is_unparsable(rows, name, tokens, "datetime")) for name in names)
    counts = rows.agg(*(count.alias(f"x{i}") for i, count in enumerate(broken))).collect()[0]
    return {name: replace(surveys[name], not_datetime=counts[i]) for i, name in enumerate(names)}


def _read(name: str, family: Family, tokens: Sequence[str]) -> Column:
    """A column without its null tokens, so that the counts need not look for them again."""
    from pyspark.sql import functions as F

    return read_text(name, tokens) if family == "text" else F.col(quote_column(name))


def _list_counts(columns: DataFrame, name: str, family: Family, *, is_label: bool) -> dict[str, Column]:
    from pyspark.sql import functions as F

    column = F.col(name)
    counts = {"values": F.count(column)}
    if family == "numbers":
        size = F.when(column.isNotNull(), F.size(column))
        return counts | {"min": F.min(size), "max": F.max(size), "size": F.mode(size)}
    if family == "text":
        counts |= _list_text_counts(columns, name)
    elif family == "integer":
        counts["large"] = _count(F.abs(column.cast("double")) >= MAX_EXACT)
    elif not is_label:
        return {}
    if is_label and family in ("text", "integer", "number", "boolean"):
        number = read_number(columns, name, ())
        counts["distinct"] = count_distinct(column.cast("string"))
        counts["fractions"] = _count(number != F.floor(number))
        counts["negatives"] = _count(number < 0)
    return counts


def _list_text_counts(columns: DataFrame, name: str) -> dict[str, Column]:
    from pyspark.sql import functions as F

    text = F.col(name)
    return {
        "large": _count(text.rlike(_LARGE_INTEGER)),
        "no_boolean": _count(~F.lower(F.trim(text)).isin(*_BOOLEAN_WORDS)),
        "no_number": _count(is_unparsable(columns, name, ())),
        "no_datetime": _count(~text.rlike(_DATE_START)),
        "distinct": count_distinct(text),
    }


def _count(is_true: Column) -> Column:
    from pyspark.sql import functions as F

    return F.count(F.when(is_true, 1))


def _read_survey(found: Row, i: int, family: Family) -> ColumnSurvey:
    counts = found.asDict()

    def count(key: str) -> int:
        return counts.get(f"{key}_{i}") or 0

    return ColumnSurvey(
        family=family,
        num_values=count("values"),
        num_distinct=count("distinct"),
        not_boolean=count("no_boolean"),
        not_number=count("no_number"),
        not_integer=count("fractions"),
        not_datetime=count("no_datetime"),
        large_integers=count("large"),
        negatives=count("negatives"),
        sizes=(count("min"), count("max"), count("size")) if family == "numbers" and count("values") else None,
    )

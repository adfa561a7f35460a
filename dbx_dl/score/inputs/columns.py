"""Do a DataFrame's columns fit a model? Asked before a job starts, and answered with a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import suggest_name
from dbx_dl.score.inputs.wants import Want

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql.types import DataType, StructType


_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_NUMBERS = (*_INTEGERS, "float", "double", "decimal", "void")
_TEXTS = ("string", "char", "varchar", "boolean", *_INTEGERS, "void")
# What one element may be; inside arrays, numbers are no booleans.
_ACCEPTED = {
    "number": (*_NUMBERS, "boolean"),
    "integer": (*_INTEGERS, "boolean", "void"),
    "truth": ("boolean", "void"),
    "text": _TEXTS,
    "category": _TEXTS,
    "timestamp": ("timestamp", "timestamp_ntz", "date", "void"),
    "image bytes": ("binary", "void"),
    "audio bytes": ("binary", "void"),
}
_ACCEPTED_INSIDE = _ACCEPTED | {"number": _NUMBERS}


def check_wants(given: StructType, wants: Sequence[Want], model: str) -> None:
    """DataError unless the columns of a call fit the model.

    The columns are bound by position, or by field name where they are one struct. The message is a table of what the
    model wants and what the columns are.
    """
    from pyspark.sql.types import StructType

    fields = list(given)
    if len(fields) == 1 and isinstance(fields[0].dataType, StructType):
        _check_struct(fields[0].dataType, wants, model)
        return
    types: list[DataType | None] = [field.dataType for field in fields]
    names = [field.name for field in fields]
    if len(types) != len(wants) or not all(_fits(kind, want) for kind, want in zip(types, wants, strict=True)):
        raise DataError(_explain(wants, names, types, model))


def _check_struct(struct: StructType, wants: Sequence[Want], model: str) -> None:
    present = {field.name: field.dataType for field in struct}
    for want in wants:
        if want.name not in present:
            raise DataError(
                f"model {model} takes {want.name!r}, the struct has no such field; {suggest_name(want.name, present)}"
            )
    names = [want.name for want in wants]
    types: list[DataType | None] = [present[name] for name in names]
    if not all(_fits(kind, want) for kind, want in zip(types, wants, strict=True)):
        raise DataError(_explain(wants, names, types, model))


def _fits(kind: DataType | None, want: Want) -> bool:
    """Whether a column's type can hold what is wanted: nested arrays may also come as flat ones, (N, 1) as scalars."""
    from pyspark.sql.types import ArrayType

    if kind is None:
        return False
    depth = 0
    while isinstance(kind, ArrayType):
        kind, depth = kind.elementType, depth + 1
    name = _plain_name(kind)
    if depth == 0:
        return name == "void" or (not want.dims and name in _ACCEPTED.get(want.element, ()))
    return depth in (1, len(want.dims)) and bool(want.dims) and name in _ACCEPTED_INSIDE.get(want.element, ())


def _plain_name(kind: DataType) -> str:
    """A type's name without its parameters: decimal(10,2) -> decimal."""
    return str(kind.simpleString()).split("(")[0].split(" ")[0]


def _explain(wants: Sequence[Want], names: Sequence[str], types: Sequence[DataType | None], model: str) -> str:
    rows = [("the model takes", "", "the columns are", "", "")]
    for place in range(max(len(wants), len(types))):
        want = wants[place] if place < len(wants) else None
        given, kind = (names[place], types[place]) if place < len(types) else ("(nothing)", None)
        verdict = "" if want is not None and _fits(kind, want) else "<- does not fit"
        name, text = (want.name, want.text) if want is not None else ("(nothing)", "")
        rows.append((name, text, given, kind.simpleString() if kind is not None else "", verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(4)] + [0]
    lines = [" ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n  ".join([f"these columns do not fit model {model}:", *lines])

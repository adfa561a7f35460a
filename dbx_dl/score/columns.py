"""Do a DataFrame's columns fit a model? Asked before a job starts, and answered with a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import suggest_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql.types import DataType, StructType

    from dbx_dl.contracts import InputSpec

_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_NUMBERS = (*_INTEGERS, "float", "double", "decimal", "void")
_ACCEPTED = {
    "number": (*_NUMBERS, "boolean"),
    "category": ("string", "char", "varchar", "boolean", *_INTEGERS, "void"),
    "timestamp": ("timestamp", "timestamp_ntz", "date", "void"),
    "image bytes": ("binary", "void"),
}
_WANTS = {"numeric": "number", "categorical": "category", "hashed": "category", "datetime": "timestamp"}


def check_columns(given: StructType, inputs: InputSpec, model: str) -> None:
    """DataError unless the columns of a call fit the model.

    The columns are bound by position, or by field name where they are one struct. The message is a table of what the
    model wants and what the columns are.
    """
    from pyspark.sql.types import StructType

    wants = list_wants(inputs)
    fields = list(given)
    if len(fields) == 1 and isinstance(fields[0].dataType, StructType):
        _check_struct(fields[0].dataType, wants, model)
        return
    types: list[DataType | None] = [field.dataType for field in fields]
    names = [field.name for field in fields]
    if len(types) != len(wants) or not all(_fits(kind, want) for kind, (_, want) in zip(types, wants, strict=True)):
        raise DataError(_explain(wants, names, types, model))


def list_wants(inputs: InputSpec) -> list[tuple[str, str]]:
    """Name of every column that a model takes, in its order, and its kind.

    Kinds: image bytes, number, category, timestamp, array of <size> numbers.
    """
    if isinstance(inputs, ImageSpec):
        return [(inputs.column, "image bytes")]
    return [
        (f.column, f"array of {f.size} numbers" if f.kind == "embedding" else _WANTS[f.kind]) for f in inputs.features
    ]


def _check_struct(struct: StructType, wants: list[tuple[str, str]], model: str) -> None:
    present = {field.name: field.dataType for field in struct}
    for name, _ in wants:
        if name not in present:
            raise DataError(
                f"model {model} takes {name!r}, the struct has no such field; {suggest_name(name, present)}"
            )
    names = [name for name, _ in wants]
    types: list[DataType | None] = [present[name] for name in names]
    if not all(_fits(kind, want) for kind, (_, want) in zip(types, wants, strict=True)):
        raise DataError(_explain(wants, names, types, model))


def _fits(kind: DataType | None, want: str) -> bool:
    from pyspark.sql.types import ArrayType

    if kind is None:
        return False
    if isinstance(kind, ArrayType):
        return want.startswith("array of ") and _plain_name(kind.elementType) in _NUMBERS
    return _plain_name(kind) in _ACCEPTED.get(want, ("void",))


def _plain_name(kind: DataType) -> str:
    """A type's name without its parameters: decimal(10,2) -> decimal."""
    return str(kind.simpleString()).split("(")[0].split(" ")[0]


def _explain(
    wants: Sequence[tuple[str, str]], names: Sequence[str], types: Sequence[DataType | None], model: str
) -> str:
    rows = [("the model takes", "", "the columns are", "", "")]
    for place in range(max(len(wants), len(types))):
        name, want = wants[place] if place < len(wants) else ("(nothing)", "")
        given, kind = (names[place], types[place]) if place < len(types) else ("(nothing)", None)
        verdict = "" if place < len(wants) and _fits(kind, want) else "<- does not fit"
        rows.append((name, want, given, kind.simpleString() if kind is not None else "", verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(4)] + [0]
    lines = [" ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n  ".join([f"these columns do not fit model {model}:", *lines])

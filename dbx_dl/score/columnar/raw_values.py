"""Stored Arrow columns become a model's raw columns as `sources` has Spark make them: the same values, the same errors.

What has no equal here, such as text in the place of numbers, `explain_type` names; those tables go through Spark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.score.tables.row_shapes import SHOWN_CHARACTERS, explain_unparsable, raw_kind

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec
    from dbx_dl.contracts.inputs import AnyFeature
    from dbx_dl.transforms.raw_columns import RawKind

# Whole numbers of so many digits are exact doubles, and dividing them by a power of ten rounds once.
_EXACT_DIGITS = 15
# Microseconds of the years that Spark's timestamps have: 1 to 9999.
_FIRST_MICROS, _LAST_MICROS = -62_135_596_800_000_000, 253_402_300_799_999_999
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7
_CHAR_KEY = b"__CHAR_VARCHAR_TYPE_STRING"


def explain_columns(schema: pa.Schema, key: str, inputs: InputSpec | None, columns: Sequence[str] = ()) -> str | None:
    """Why a table's columns cannot become keys and a model's raw columns here; None where they can.

    Without `inputs`, which are a model's of dbx_dl, `columns` go into the model as they are stored.
    """
    import pyarrow.types as types

    reasons = [explain_key(schema.field(key))]
    if inputs is None:
        reasons += [explain_stored(schema.field(name)) for name in columns]
    elif isinstance(inputs, FileSpec):
        content = schema.field(inputs.column)
        reasons.append(None if types.is_binary(content.type) else f"its column {content.name!r} is {content.type}")
    else:
        reasons += [explain_type(schema.field(feature.column), feature) for feature in inputs.features]
    return next(filter(None, reasons), None)


def explain_key(field: pa.Field) -> str | None:
    """Why a key column's text cannot be made here; None where it can."""
    import pyarrow.types as types

    if _is_char(field) or not (types.is_string(field.type) or _is_whole(field.type)):
        return f"its key {field.name!r} is {_describe(field)}"
    return None


def explain_type(field: pa.Field, feature: AnyFeature) -> str | None:
    """Why a stored column cannot become this input here; None where it can."""
    kind = raw_kind(feature)
    if _is_char(field) or not _is_direct(field.type, kind):
        return f"its column {field.name!r} is {_describe(field)} where the model takes {kind} values"
    return None


def explain_stored(field: pa.Field) -> str | None:
    """Why a column, taken as it is, has no equal hash here; None where it has."""
    import pyarrow.types as types

    kind = field.type
    if types.is_string(kind) or types.is_binary(kind) or types.is_date32(kind):
        return f"its column {field.name!r} is char" if _is_char(field) else None
    element = kind.value_type if types.is_list(kind) else kind
    is_number = types.is_signed_integer(element) or types.is_float32(element) or types.is_float64(element)
    return None if is_number or types.is_boolean(element) else f"its column {field.name!r} is {kind}"


def read_key(column: pa.Array) -> pa.Array:
    """Keys as strings."""
    import pyarrow as pa

    return column.cast(pa.string())


def read_inputs(
    batch: pa.RecordBatch, inputs: InputSpec | None, columns: Sequence[str], null_tokens: Sequence[str]
) -> tuple[pa.RecordBatch, dict[int, str]]:
    """A model's raw `columns`, named as its inputs, and by position the error of rows with a value that is none."""
    import pyarrow as pa

    if inputs is None or isinstance(inputs, FileSpec):
        return batch.select(list(columns)), {}
    errors: dict[int, str] = {}
    found: list[pa.Array] = []
    for feature in inputs.features:
        given = batch.column(feature.column)
        found.append(_read_column(given, raw_kind(feature), null_tokens))
        for row in _find_unparsable(given, found[-1], feature):
            before, after = explain_unparsable(feature)
            errors.setdefault(row, f"{before}{_to_spark_text(given[row])[:SHOWN_CHARACTERS]}{after}")
    return pa.RecordBatch.from_arrays(found, names=[feature.column for feature in inputs.features]), errors


def _is_char(field: pa.Field) -> bool:
    """Whether Spark pads the column's text."""
    return str((field.metadata or {}).get(_CHAR_KEY, b""), "utf-8").startswith("char")


def _describe(field: pa.Field) -> str:
    return "char" if _is_char(field) else str(field.type)


def _is_whole(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_boolean(kind))


def _is_direct(kind: pa.DataType, wanted: RawKind) -> bool:
    import pyarrow.types as types

    match wanted:
        case "numeric":
            is_exact = types.is_decimal128(kind) and kind.precision <= _EXACT_DIGITS
            return bool(_is_whole(kind) or types.is_floating(kind) or is_exact)
        case "boolean":
            return bool(_is_whole(kind) or types.is_floating(kind))
        case "categorical":
            return bool(types.is_string(kind) or _is_whole(kind))
        case "datetime":
            return bool(types.is_timestamp(kind) or types.is_date32(kind))
        case "embedding" | "steps":
            is_list = types.is_list(kind) or types.is_large_list(kind)
            return bool(is_list and (types.is_integer(kind.value_type) or types.is_floating(kind.value_type)))
        case "texts":
            return False


def _read_column(column: pa.Array, kind: RawKind, null_tokens: Sequence[str]) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    match kind:
        case "numeric":
            return _read_number(column)
        case "boolean":
            return _read_flag(column)
        case "categorical":
            text = column.cast(pa.string())
            is_null = pc.is_in(text, pa.array(["", *null_tokens], pa.string()))
            return pc.if_else(is_null, None, text) if is_null.true_count else text
        case "datetime" if types.is_timestamp(column.type) and column.type.tz is None:
            micros = column.cast(pa.timestamp("us")).cast(pa.int64())
            is_year = pc.and_(pc.greater_equal(micros, _FIRST_MICROS), pc.less_equal(micros, _LAST_MICROS))
            return pc.if_else(is_year, column, None)
        case _:
            return column


def _read_number(column: pa.Array) -> pa.Array:
    """Numbers with null for NaN and infinities; floats keep their type."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if types.is_decimal(column.type):
        return _read_decimal(column)
    if not types.is_floating(column.type):
        return column
    if _has_finite_sum(column):
        return column
    is_finite = pc.is_finite(column)
    return column if is_finite.false_count == 0 else pc.if_else(is_finite, column, None)


def _has_finite_sum(column: pa.Array) -> bool:
    """Whether floats without nulls add up to a number, as only numbers do; quicker than asking each of them."""
    import numpy as np

    if column.null_count:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(column.to_numpy().sum()))


def _read_decimal(column: pa.Array) -> pa.Array:
    """Decimals of few digits as the doubles that are nearest to them, as in Java."""
    import numpy as np
    import pyarrow as pa

    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)
    low = words[column.offset : column.offset + len(column), 0]
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    return pa.array(low / 10.0**column.type.scale, mask=is_null)


def _read_flag(column: pa.Array) -> pa.Array:
    """Booleans as they are; of numbers 0 and 1, null for others."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if types.is_boolean(column.type):
        return column
    is_flag = pc.or_(pc.equal(column, 0), pc.equal(column, 1))
    return pc.if_else(is_flag, pc.abs(column), None)


def _find_unparsable(given: pa.Array, read: pa.Array, feature: AnyFeature) -> list[int]:
    """Rows whose value is neither null nor of the feature's kind."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if feature.kind == "embedding":
        return _find_rows(_is_broken_array(given, feature.size))
    if raw_kind(feature) != "boolean" or types.is_boolean(given.type):
        return []
    number = _read_number(given)
    return [] if read.null_count == number.null_count else _find_rows(pc.and_(number.is_valid(), read.is_null()))


def _is_broken_array(column: pa.Array, size: int) -> np.ndarray:
    """Boolean (N,): arrays of another length, or with a null element."""
    import pyarrow.compute as pc

    from dbx_dl.transforms.arrow_values import list_owners

    lengths = pc.fill_null(pc.list_value_length(column), size).to_numpy(zero_copy_only=False)
    broken: np.ndarray = lengths != size
    elements = column.flatten()
    if elements.null_count:
        broken[list_owners(column)[elements.is_null().to_numpy(zero_copy_only=False)]] = True
    return broken


def _find_rows(condition: pa.Array | np.ndarray) -> list[int]:
    import numpy as np

    rows: list[int] = np.flatnonzero(np.asarray(condition)).tolist()
    return rows


def _to_spark_text(value: pa.Scalar) -> str:
    """A number, or an array of them, as Spark's cast to string writes it."""
    import numpy as np
    import pyarrow.types as types

    if not value.is_valid:
        return "null"
    if types.is_list(value.type) or types.is_large_list(value.type):
        return f"[{', '.join(map(_to_spark_text, value.values))}]"
    if not types.is_floating(value.type):
        return str(value.as_py())
    return _to_java_text((np.float32 if types.is_float32(value.type) else np.float64)(value.as_py()))


def _to_java_text(number: np.floating) -> str:
    import numpy as np

    if not np.isfinite(number):
        return "NaN" if np.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
    if number == 0 or _PLAIN_FROM <= abs(number) < _PLAIN_TO:
        return np.format_float_positional(number, unique=True, trim="0")
    return np.format_float_scientific(number, unique=True, trim="0", exp_digits=1).replace("e+", "E").replace("e", "E")

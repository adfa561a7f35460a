"""Elements of an Arrow array become a tensor's, with what is wrong with each that cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Missing = Literal["error", "nan"]
Element = Literal["number", "integer", "truth", "text"]

_KINDS: dict[str, Element] = {"float16": "number", "float32": "number", "float64": "number"}
_KINDS |= {f"{sign}int{bits}": "integer" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_KINDS |= {"bool": "truth", "string": "text"}
_TAKEN = {"number": "numbers", "integer": "whole numbers", "truth": "booleans", "text": "texts"}


def element_of(dtype: str) -> Element:
    """What a column must hold for a tensor of this type."""
    return _KINDS[dtype]


def find_problems(array: pa.Array, values: np.ndarray, missing: Missing) -> Iterator[tuple[np.ndarray, str]]:
    """Where elements cannot go into a model, as booleans (M,), and the reason; the first reason of an element counts.

    `values` is what `to_elements` gave for the array.
    """
    import numpy as np
    import pyarrow.types as types

    may_be_nan = missing == "nan" and (values.dtype.kind == "f" or values.dtype == object)
    if array.null_count and not may_be_nan:
        yield array.is_null().to_numpy(zero_copy_only=False), "null: column {!r} is null"
    if values.dtype.kind == "f" and not may_be_nan:
        is_finite = np.isfinite(values)
        if not is_finite.all():
            yield ~is_finite, "not_finite: column {!r} holds a number that is not finite as " + str(values.dtype)
    if values.dtype.kind in "iu" and types.is_integer(array.type) and _is_narrower(values.dtype, array.type):
        wide = _to_integers(array)
        is_outside = wide != values
        if is_outside.any():
            yield is_outside, "out_of_range: column {!r} holds a number that is no " + str(values.dtype)


def to_elements(array: pa.Array, name: str, dtype: str) -> np.ndarray:
    """Elements (M,) of a tensor's type; DataError when the array's type holds none such.

    A null becomes NaN, 0, false or "". Booleans are numbers, 0 and 1; numbers are no booleans. Booleans and integers
    are texts, with every digit.
    """
    import pyarrow.types as types

    kind, element = array.type, element_of(dtype)
    is_whole = types.is_integer(kind) or types.is_boolean(kind) or types.is_null(kind)
    fits = {
        "number": is_whole or types.is_floating(kind) or types.is_decimal(kind),
        "integer": is_whole,
        "truth": types.is_boolean(kind) or types.is_null(kind),
        "text": is_whole or types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind),
    }
    if not fits[element]:
        raise DataError(f"column {name!r} holds {kind}, but the model takes {_TAKEN[element]} there: cast it")
    if element == "number":
        return _to_numbers(array, dtype)
    if element == "integer":
        return _to_integers(array).astype(dtype, copy=False)
    return _to_truths(array) if element == "truth" else _to_texts(array)


def _to_numbers(array: pa.Array, dtype: str) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_boolean(array.type):
        array = array.cast(pa.int8())
    width = pa.float64() if dtype == "float64" else pa.float32()
    values: np.ndarray = array.cast(width, safe=False).to_numpy(zero_copy_only=False)
    return values.astype(dtype, copy=False)


def _to_integers(array: pa.Array) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.types as types

    if not types.is_integer(array.type):
        array = array.cast(pa.int8())
    values: np.ndarray = array.fill_null(0).to_numpy(zero_copy_only=False)
    return values


def _to_truths(array: pa.Array) -> np.ndarray:
    import pyarrow as pa

    values: np.ndarray = array.cast(pa.bool_()).fill_null(False).to_numpy(zero_copy_only=False)
    return values


def _to_texts(array: pa.Array) -> np.ndarray:
    import pyarrow as pa

    values: np.ndarray = array.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)
    return values.astype(object, copy=False)


def _is_narrower(dtype: np.dtype, kind: pa.DataType) -> bool:
    import numpy as np

    given = np.iinfo(kind.to_pandas_dtype())
    return bool(np.iinfo(dtype).min > given.min or np.iinfo(dtype).max < given.max)

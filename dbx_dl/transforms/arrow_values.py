"""One Arrow column becomes what an encoder takes: float64, str, microseconds, rows of numbers; nulls included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts.histories import SEPARATOR
from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_UNIT_MICROSECONDS = {"s": 1_000_000, "ms": 1000, "us": 1}
_DAY_MICROSECONDS = 86_400_000_000


def to_float64(column: pa.Array | pa.ChunkedArray, name: str) -> np.ndarray:
    """Integers, floats, decimals and booleans as float64 (N,), NaN for null; DataError for other types.

    Integers beyond 2^53 are rounded: where their digits matter they are categories.
    """
    import pyarrow as pa
    import pyarrow.types as types

    kind = column.type
    if kind == pa.float64() or kind == pa.float32():  # of the many columns of a small batch, most are
        found: np.ndarray = column.to_numpy(zero_copy_only=False)
        return found.astype("float64", copy=False)
    kind = _value_type(column)
    if not (_is_number(kind) or types.is_boolean(kind) or types.is_null(kind)):
        raise DataError(f"column {name!r} holds {kind}, but the model takes numbers there: cast it to double")
    if types.is_integer(kind) and column.type == kind:
        # NumPy casts a view of the buffer; for the few rows of a batch Arrow's own cast takes five times as long.
        view: np.ndarray = column.to_numpy(zero_copy_only=False)
        return view.astype("float64", copy=False)
    if types.is_boolean(kind):
        column = column.cast(pa.int8())
    values: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def to_str(column: pa.Array | pa.ChunkedArray, name: str) -> np.ndarray:
    """Strings, booleans (`true`, `false`) and integers (every digit) as objects str (N,), "" for null.

    DataError for other types.
    """
    import pyarrow as pa
    import pyarrow.types as types

    kind = _value_type(column)
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if not (is_text or types.is_boolean(kind) or types.is_integer(kind) or types.is_null(kind)):
        raise DataError(f"column {name!r} holds {kind}, but the model takes categories there: cast it to string")
    values: np.ndarray = column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)
    return values.astype(object, copy=False)


def to_joined(column: pa.Array | pa.ChunkedArray, name: str) -> np.ndarray:
    """Arrays of strings or integers as objects str (N,), one text with `SEPARATOR` between the elements of a row.

    Nulls and empty strings are left out; a null array is an empty text. DataError for other types.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = _value_type(column)
    if types.is_null(kind):
        return np.full(len(column), "", object)
    if not (types.is_list(kind) or types.is_large_list(kind)):
        raise DataError(f"column {name!r} holds {kind}, but the model takes arrays of strings there")
    lists = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    texts, rows = to_str(pc.list_flatten(lists), name), list_owners(lists)
    is_item = texts != ""
    sizes = np.bincount(rows[is_item], minlength=len(lists))
    items = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32()), pa.array(texts[is_item], pa.string())
    )
    joined: np.ndarray = pc.binary_join(items, SEPARATOR).to_numpy(zero_copy_only=False)
    return joined.astype(object, copy=False)


def list_owners(lists: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The row int64 (M,) of each of the values that Arrow's `list_flatten` gives of lists, which skips null lists.

    Arrow's own `list_parent_indices` counts values that lie beneath null lists too.
    """
    import numpy as np
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists)), lengths)


def to_micros(column: pa.Array | pa.ChunkedArray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Timestamps and dates as int64 (N,) microseconds since 1970 UTC, and boolean (N,) for null (0 microseconds).

    Without a time zone they count as UTC. Nanoseconds are rounded down; what int64 cannot hold becomes its nearest.
    DataError for other types.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as types

    kind = _value_type(column)
    if not (types.is_timestamp(kind) or types.is_date(kind) or types.is_null(kind)):
        raise DataError(f"column {name!r} holds {kind}, but the model takes dates there: cast it to timestamp")
    is_null: np.ndarray = column.is_null().to_numpy(zero_copy_only=False)
    if types.is_null(kind):
        return np.zeros(len(is_null), np.int64), is_null
    plain = column.cast(kind).cast(pa.int32() if types.is_date32(kind) else pa.int64())
    values: np.ndarray = plain.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    if types.is_timestamp(kind) and kind.unit == "ns":
        return values // 1000, is_null
    factor = _DAY_MICROSECONDS if types.is_date32(kind) else _UNIT_MICROSECONDS.get(getattr(kind, "unit", "ms"), 1)
    if factor == 1:
        return values, is_null
    limit = np.iinfo(np.int64).max // factor
    return np.clip(values, -limit, limit) * factor, is_null


def to_number_rows(column: pa.Array | pa.ChunkedArray, name: str, size: int) -> np.ndarray:
    """Arrays of `size` numbers as float64 (N, size), NaN for null elements.

    A null array, and one of another length, is a row of NaN. DataError for other types.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = _value_type(column)
    if not (types.is_null(kind) or _holds_arrays(kind, size)):
        raise DataError(f"column {name!r} holds {kind}, but the model takes arrays of {size} numbers there")
    rows = np.full((len(column), size), np.nan)
    if types.is_null(kind) or not len(column):
        return rows
    arrays = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    lengths = pc.fill_null(pc.list_value_length(arrays), -1)
    is_usable: np.ndarray = pc.and_(arrays.is_valid(), pc.equal(lengths, size)).to_numpy(zero_copy_only=False)
    numbers = arrays.filter(pa.array(is_usable)).flatten().cast(pa.float64(), safe=False)
    rows[is_usable] = numbers.to_numpy(zero_copy_only=False).reshape(-1, size)
    return rows


def to_step_rows(column: pa.Array | pa.ChunkedArray, name: str, max_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Arrays of numbers as float64 (N, L), NaN for null elements and behind the last one, and their lengths int64 (N,).

    L is the longest length, 1 at least and `max_steps` at most: what is behind is left out, but counts in the lengths.
    A null array is an empty one. DataError for other types.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = count_elements(column, name)
    rows = np.full((len(lengths), max(1, min(max_steps, int(lengths.max(initial=0))))), np.nan)
    if not lengths.any():
        return rows, lengths
    numbers = pc.list_flatten(column)
    if lengths.max() > max_steps:  # one long row must not make all others as long
        places = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        numbers = numbers.filter(pa.array(places < max_steps))
    is_there = np.arange(rows.shape[1]) < lengths[:, None]
    rows[is_there] = numbers.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return rows, lengths


def count_elements(column: pa.Array | pa.ChunkedArray, name: str) -> np.ndarray:
    """The lengths int64 (N,) of arrays of numbers, 0 for null; DataError for other types."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = _value_type(column)
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not (types.is_null(kind) or (is_list and (_is_number(kind.value_type) or types.is_null(kind.value_type)))):
        raise DataError(f"column {name!r} holds {kind}, but the model takes arrays of numbers there")
    if types.is_null(kind):
        return np.zeros(len(column), np.int64)
    lengths: np.ndarray = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64)


def _holds_arrays(kind: pa.DataType, size: int) -> bool:
    import pyarrow.types as types

    is_fixed = types.is_fixed_size_list(kind)
    if not (types.is_list(kind) or types.is_large_list(kind) or is_fixed):
        return False
    return (_is_number(kind.value_type) or types.is_null(kind.value_type)) and (not is_fixed or kind.list_size == size)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _value_type(column: pa.Array | pa.ChunkedArray) -> pa.DataType:
    import pyarrow.types as types

    return column.type.value_type if types.is_dictionary(column.type) else column.type

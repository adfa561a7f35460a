"""NumPy rows become Arrow lists, maps and lists of structs of the types that Spark expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

# What Spark has no type for goes into the next one that holds every value.
_WIDER = {"float16": "float32", "uint8": "int16", "uint16": "int32", "uint32": "int64"}


def to_values(values: np.ndarray) -> pa.Array:
    """A flat array of any tensor's elements."""
    import pyarrow as pa

    if values.dtype.kind in "OUS":
        return pa.array(values.tolist(), pa.string())
    if values.dtype.name == "uint64":
        return pa.array(values).cast(pa.decimal128(20, 0))
    return pa.array(values.astype(_WIDER.get(values.dtype.name, values.dtype), copy=False))


def to_nested_lists(values: np.ndarray) -> pa.Array:
    """Rows (N, k, …) as lists, of lists where there are more dimensions."""
    array = to_values(values.reshape(-1))
    for level in range(values.ndim - 1, 0, -1):
        num_lists = 1
        for size in values.shape[:level]:
            num_lists *= size
        array = as_even_lists(array, num_lists, values.shape[level])
    return array


def to_ragged_lists(arrays: Sequence[np.ndarray], rank: int, dtype: Any) -> pa.Array:
    """One value for each array, of `rank` dimensions that may be of different sizes: a list, of lists where > 1."""
    import numpy as np

    flat = [np.empty(0, dtype), *(np.asarray(array).reshape(-1) for array in arrays)]
    values = to_values(np.concatenate(flat))
    for level in range(rank - 1, -1, -1):
        sizes = np.repeat(
            [array.shape[level] for array in arrays], [math.prod(array.shape[:level]) for array in arrays]
        )
        values = as_lists(values, np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]))
    return values


def as_even_lists(values: pa.Array, num_lists: int, size: int) -> pa.Array:
    """Lists of `size` values each."""
    import numpy as np

    return as_lists(values, np.arange(num_lists + 1, dtype=np.int64) * size)


def as_lists(values: pa.Array, offsets: np.ndarray) -> pa.Array:
    """Lists of the values between offsets (N + 1,)."""
    import numpy as np
    import pyarrow as pa

    kind = pa.list_(pa.field("element", values.type))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32, copy=False)), values, type=kind)


def as_maps(keys: pa.Array, values: pa.Array, offsets: np.ndarray) -> pa.Array:
    """Maps of the keys and values between offsets (N + 1,)."""
    import numpy as np
    import pyarrow as pa

    kind = pa.map_(pa.field("key", keys.type, nullable=False), pa.field("value", values.type))
    return pa.MapArray.from_arrays(pa.array(offsets.astype(np.int32, copy=False)), keys, values, type=kind)


def as_structs(columns: dict[str, pa.Array]) -> pa.Array:
    """Structs of these fields."""
    import pyarrow as pa

    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def spread_rows(array: pa.Array, rows: np.ndarray, num_rows: int) -> pa.Array:
    """The array's rows at the positions `rows` of `num_rows`, nulls elsewhere."""
    import numpy as np
    import pyarrow as pa

    if len(rows) == num_rows and (num_rows == 0 or bool((rows == np.arange(num_rows)).all())):
        return array
    places = np.full(num_rows, -1, np.int64)
    places[rows] = np.arange(len(rows))
    return array.take(pa.array(places, mask=places < 0))

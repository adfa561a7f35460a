"""Rows of nested Arrow lists become rows of one flat array, and the rows of another shape are named."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Dims = tuple[int | None, ...]


@dataclass(frozen=True)
class FlatRows:
    """`elements` of len(rows) * prod(dims) values, `rows` int64 the positions of the rows that have the shape `dims`.

    `errors` has the reason for every other position.
    """

    elements: pa.Array
    dims: tuple[int, ...]
    rows: np.ndarray
    errors: dict[int, str]


def flatten_rows(column: pa.Array, name: str, dims: Dims) -> FlatRows:
    """The elements of rows of nested lists of these lengths, or of flat lists of as many elements.

    A free length (None) is that of the first row; a null row or inner list is an error, as is another length.
    DataError when the column holds no lists, or lists of another depth.
    """
    import numpy as np

    depth = list_depth(column.type)
    if depth not in (1, len(dims)):
        raise DataError(f"column {name!r} holds {column.type}, but the model takes {_describe_dims(dims)} there")
    lengths: Dims = dims if depth == len(dims) else (_whole_length(dims, name),)
    rows, errors, known = np.arange(len(column)), dict[int, str](), list[int]()
    for length in lengths:
        found = _list_lengths(column)
        length = _first_length(found) if length is None else length
        is_usable = found == length
        if not is_usable.all():
            is_good = is_usable.reshape(len(rows), prod(known)).all(axis=1)
            errors |= _describe_rows(found, rows, is_good, name, length)
            column, rows = _keep(column, np.repeat(is_good, prod(known))), rows[is_good]
        column = column.flatten()
        known.append(length)
    sizes = tuple(known) if depth == len(dims) else _fill_free(dims, known[0])
    return FlatRows(column, sizes, rows, errors)


def measure_lengths(column: pa.Array, dims: Dims) -> np.ndarray | None:
    """Lengths int64 (N, L) of every row's lists, of inner ones the first's; -1 for null; None when no length is free.

    Rows of equal lengths can go through a model together.
    """
    import numpy as np

    if None not in dims or list_depth(column.type) == 0:
        return None
    lengths = [_list_lengths(column)]
    while list_depth(column.type.value_type):
        has_inner = lengths[-1] > 0
        firsts = _first_lists(column, has_inner)
        inner = np.full(len(has_inner), -1, np.int64)
        inner[has_inner] = _list_lengths(firsts)
        lengths.append(inner)
        column = _expand(firsts, has_inner)
    return np.stack(lengths, axis=1)


def list_depth(kind: pa.DataType) -> int:
    """How many lists are around an element."""
    import pyarrow.types as types

    depth = 0
    while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    return depth


def _list_lengths(column: pa.Array) -> np.ndarray:
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(column), -1)
    found: np.ndarray = lengths.to_numpy(zero_copy_only=False).astype("int64", copy=False)
    return found


def _first_length(lengths: np.ndarray) -> int:
    present = lengths[lengths >= 0]
    return int(present[0]) if len(present) else 0


def _first_lists(column: pa.Array, has_inner: np.ndarray) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.list_element(column.filter(pa.array(has_inner)), 0)


def _expand(kept: pa.Array, is_kept: np.ndarray) -> pa.Array:
    """The array with a null in the place of every row that was left out."""
    import numpy as np
    import pyarrow as pa

    return kept.take(pa.array(np.cumsum(is_kept) - 1, mask=~is_kept))


def _keep(column: pa.Array, is_good: np.ndarray) -> pa.Array:
    import pyarrow as pa

    return column.filter(pa.array(is_good))


def _whole_length(dims: Dims, name: str) -> int | None:
    """How long a flat list is that holds a row; None where a length is free."""
    free = dims.count(None)
    if free > 1:
        raise DataError(f"column {name!r} holds flat arrays, but the model leaves {free} lengths free: nest them")
    return None if free else prod(dim or 0 for dim in dims)


def _fill_free(dims: Dims, whole: int) -> tuple[int, ...]:
    known = prod(dim for dim in dims if dim is not None)
    return tuple(whole // known if dim is None else dim for dim in dims)


def _describe_rows(found: np.ndarray, rows: np.ndarray, is_good: np.ndarray, name: str, length: int) -> dict[int, str]:
    lengths = found.reshape(len(rows), -1)
    errors = {}
    for place in (~is_good).nonzero()[0].tolist():
        bad = int(next(each for each in lengths[place] if each != length))
        row = int(rows[place])
        if bad < 0:
            errors[row] = f"null: column {name!r} is null or holds a null array"
        else:
            errors[row] = f"wrong_shape: column {name!r} holds an array of {bad}, the model takes {length}"
    return errors


def _describe_dims(dims: Dims) -> str:
    return " of ".join("arrays" if dim is None else f"arrays of {dim}" for dim in dims) if dims else "no arrays"

"""The hash of a row's inputs as Spark computes it (`score.tables.input_hash`), of Arrow columns with NumPy.

Spark's xxhash64 is XXH64 with the hash of what came before as seed, from 42 on; nulls leave it as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.score.columnar import xxhash64
from dbx_dl.score.tables.sources import raw_kind
from dbx_dl.transforms.arrow_values import to_float64, to_micros

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec
    from dbx_dl.transforms.raw_columns import RawKind

_SEED = 42


def hash_rows(columns: pa.RecordBatch, inputs: InputSpec, errors: Mapping[int, str]) -> pa.Array:
    """Hashes int64 (N,) of the model's raw columns and of the errors that rows have before the model, by position."""
    import numpy as np
    import pyarrow as pa

    hashes = np.full(columns.num_rows, _SEED, np.uint64)
    if isinstance(inputs, ImageSpec):
        _add_bytes(hashes, columns.column(inputs.column))
    else:
        for feature in inputs.features:
            _add_column(hashes, columns.column(feature.column), raw_kind(feature))
    texts = pa.array([errors.get(row) for row in range(len(hashes))], pa.string()) if errors else None
    _add_bytes(hashes, pa.nulls(len(hashes), pa.string()) if texts is None else texts)
    return pa.array(hashes.view(np.int64))


def _add_column(hashes: np.ndarray, column: pa.Array, kind: RawKind) -> None:
    import numpy as np

    match kind:
        case "numeric" | "boolean":
            _add_longs(hashes, _to_bits(to_float64(column, "")), _find_nulls(column))
        case "categorical":
            _add_bytes(hashes, column)
        case "datetime":
            micros, is_null = to_micros(column, "")
            _add_longs(hashes, micros.view(np.uint64), is_null if is_null.any() else None)
        case "embedding":
            _add_arrays(hashes, column)


def _add_longs(hashes: np.ndarray, bits: np.ndarray, is_null: np.ndarray | None) -> None:
    xxhash64.add_flags(hashes, is_null)
    if is_null is None:
        xxhash64.add_longs(hashes, bits)
        return
    rows = ~is_null
    some = hashes[rows]
    xxhash64.add_longs(some, bits[rows])
    hashes[rows] = some


def _add_bytes(hashes: np.ndarray, column: pa.Array) -> None:
    """Add strings or binary."""
    import numpy as np
    import pyarrow as pa

    is_null = _find_nulls(column)
    xxhash64.add_flags(hashes, is_null)
    rows = np.arange(len(hashes)) if is_null is None else np.flatnonzero(~is_null)
    if not len(rows):
        return
    wide = column.cast(pa.large_binary())
    offsets = np.frombuffer(wide.buffers()[1], np.int64)[wide.offset : wide.offset + len(wide) + 1]
    data = wide.buffers()[2]
    some = hashes[rows]
    xxhash64.add_bytes(some, data, offsets[rows], np.diff(offsets)[rows])
    hashes[rows] = some


def _add_arrays(hashes: np.ndarray, column: pa.Array) -> None:
    """Add arrays of numbers: whether null, then the length and every element, with whether that is null."""
    import numpy as np
    import pyarrow.compute as pc

    is_null = _find_nulls(column)
    xxhash64.add_flags(hashes, is_null)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    elements = column.flatten()
    starts = np.cumsum(lengths) - lengths
    rows = np.arange(len(hashes)) if is_null is None else np.flatnonzero(~is_null)
    some = hashes[rows]
    xxhash64.add_ints(some, lengths[rows].astype(np.uint64))
    hashes[rows] = some
    bits, is_empty = _to_bits(to_float64(elements, "")), _find_nulls(elements)
    for place in range(int(lengths.max(initial=0))):
        rows = np.flatnonzero(lengths > place)
        some, places = hashes[rows], starts[rows] + place
        _add_longs(some, bits[places], None if is_empty is None else is_empty[places])
        hashes[rows] = some


def _to_bits(numbers: np.ndarray) -> np.ndarray:
    """Doubles as Java's `doubleToLongBits`: one zero, one NaN."""
    import numpy as np

    whole = numbers + 0.0  # -0.0 becomes 0.0
    is_nan = np.isnan(whole)
    if is_nan.any():
        whole[is_nan] = np.nan
    bits: np.ndarray = whole.view(np.uint64)
    return bits


def _find_nulls(column: pa.Array) -> np.ndarray | None:
    """Boolean (N,), None where there are none."""
    if not column.null_count:
        return None
    found: np.ndarray = column.is_null().to_numpy(zero_copy_only=False)
    return found

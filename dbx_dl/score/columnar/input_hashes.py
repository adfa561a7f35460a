"""The hash of a row's inputs as Spark computes it (`score.tables.input_hash`), of Arrow columns with NumPy.

Spark's xxhash64 is XXH64 with the hash of what came before as seed, from 42 on; nulls leave it as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from dbx_dl.contracts import FileSpec
from dbx_dl.score.columnar import xxhash64
from dbx_dl.score.tables.input_hash import COLUMNS_PER_WORD
from dbx_dl.score.tables.row_shapes import raw_kind
from dbx_dl.transforms.arrow_values import to_float64, to_micros
from dbx_dl.transforms.raw_columns import RawKind

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec

    _AddWords = Callable[[np.ndarray, np.ndarray], None]

_Kind = Literal["stored"] | RawKind
_SEED = 42


def hash_rows(
    columns: pa.RecordBatch, inputs: InputSpec | None, errors: Mapping[int, str], options_digest: int | None = None
) -> pa.Array:
    """Hashes int64 (N,) of the model's raw columns, of the errors that rows have before the model, and of options.

    Without `inputs`, which are a model's of dbx_dl, the columns count as they are stored.
    """
    import numpy as np
    import pyarrow as pa

    texts = pa.array([errors.get(row) for row in range(columns.num_rows)], pa.string()) if errors else None
    parts: list[tuple[pa.Array, _Kind]] = [(columns.column(name), kind) for name, kind in _list_kinds(columns, inputs)]
    parts.append((pa.nulls(columns.num_rows, pa.string()) if texts is None else texts, "categorical"))
    if options_digest is not None:
        parts.append((pa.repeat(pa.scalar(options_digest, pa.int64()), columns.num_rows), "stored"))
    hashes = np.full(columns.num_rows, _SEED, np.uint64)
    for start in range(0, len(parts), COLUMNS_PER_WORD):
        group = parts[start : start + COLUMNS_PER_WORD]
        nulls = [_find_nulls(column) for column, _ in group]
        xxhash64.add_longs(hashes, _pack_nulls(nulls, columns.num_rows))
        for (column, kind), is_null in zip(group, nulls, strict=True):
            _add_column(hashes, column, kind, is_null)
    return pa.array(hashes.view(np.int64))


def _list_kinds(columns: pa.RecordBatch, inputs: InputSpec | None) -> list[tuple[str, _Kind]]:
    """The model's raw columns; binary counts as text does."""
    if inputs is None:
        return [(name, "stored") for name in columns.schema.names]
    if isinstance(inputs, FileSpec):
        return [(inputs.column, "categorical")]
    return [(feature.column, raw_kind(feature)) for feature in inputs.features]


def _pack_nulls(nulls: Sequence[np.ndarray | None], num_rows: int) -> np.ndarray:
    """Words uint64 (N,) in which bit k is 1 where column k is null."""
    import numpy as np

    words = np.zeros(num_rows, np.uint64)
    for place, is_null in enumerate(nulls):
        if is_null is not None:
            words |= is_null.astype(np.uint64) << np.uint64(place)
    return words


def _add_column(hashes: np.ndarray, column: pa.Array, kind: _Kind, is_null: np.ndarray | None) -> None:
    """Add the values that are not null."""
    import numpy as np

    match kind:
        case "numeric" | "boolean":
            _add_words(hashes, _to_bits(to_float64(column, "")), is_null)
        case "categorical":
            _add_bytes(hashes, column, is_null)
        case "datetime":
            _add_words(hashes, to_micros(column, "")[0].view(np.uint64), is_null)
        case "embedding" | "steps":
            _add_arrays(hashes, column, is_null, _to_bits(to_float64(column.flatten(), "")))
        case "stored":
            _add_stored(hashes, column, is_null)


def _add_stored(hashes: np.ndarray, column: pa.Array, is_null: np.ndarray | None) -> None:
    """Add values of any type of which `raw_values.explain_stored` says nothing."""
    import pyarrow.types as types

    if types.is_string(column.type) or types.is_binary(column.type):
        _add_bytes(hashes, column, is_null)
    elif types.is_list(column.type):
        _add_arrays(hashes, column, is_null, *_to_words(column.flatten()))
    else:
        words, add = _to_words(column)
        _add_words(hashes, words, is_null, add)


def _to_words(column: pa.Array) -> tuple[np.ndarray, _AddWords]:
    """Numbers, booleans or dates as Spark's hash reads them: words uint64 (N,), anything for nulls, of 8 or 4 bytes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_float64(column.type):
        return _to_bits(to_float64(column, "")), xxhash64.add_longs
    if types.is_float32(column.type):
        return _to_bits(column.fill_null(0).to_numpy()).astype(np.uint64), xxhash64.add_ints
    is_wide = types.is_int64(column.type)
    whole = column.cast(pa.int64() if is_wide else pa.int32()).fill_null(0).to_numpy()
    if is_wide:
        return whole.view(np.uint64), xxhash64.add_longs
    return whole.view(np.uint32).astype(np.uint64), xxhash64.add_ints


def _add_words(
    hashes: np.ndarray, words: np.ndarray, is_null: np.ndarray | None, add: _AddWords = xxhash64.add_longs
) -> None:
    if is_null is None:
        add(hashes, words)
        return
    rows = ~is_null
    some = hashes[rows]
    add(some, words[rows])
    hashes[rows] = some


def _add_bytes(hashes: np.ndarray, column: pa.Array, is_null: np.ndarray | None) -> None:
    """Add strings or binary."""
    import numpy as np
    import pyarrow as pa

    rows = np.arange(len(hashes)) if is_null is None else np.flatnonzero(~is_null)
    if not len(rows):
        return
    wide = column.cast(pa.large_binary())
    offsets = np.frombuffer(wide.buffers()[1], np.int64)[wide.offset : wide.offset + len(wide) + 1]
    data = wide.buffers()[2]
    some = hashes[rows]
    xxhash64.add_bytes(some, data, offsets[rows], np.diff(offsets)[rows])
    hashes[rows] = some


def _add_arrays(
    hashes: np.ndarray,
    column: pa.Array,
    is_null: np.ndarray | None,
    words: np.ndarray,
    add: _AddWords = xxhash64.add_longs,
) -> None:
    """Add arrays of numbers: the length and every element, of all of which `words` are, with whether that is null."""
    import numpy as np
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    elements = column.flatten()
    starts = np.cumsum(lengths) - lengths
    rows = np.arange(len(hashes)) if is_null is None else np.flatnonzero(~is_null)
    some = hashes[rows]
    xxhash64.add_ints(some, lengths[rows].astype(np.uint64))
    hashes[rows] = some
    is_empty = _find_nulls(elements)
    for place in range(int(lengths.max(initial=0))):
        rows = np.flatnonzero(lengths > place)
        some, places = hashes[rows], starts[rows] + place
        are_empty = None if is_empty is None else is_empty[places]
        xxhash64.add_flags(some, are_empty)
        _add_words(some, words[places], are_empty, add)
        hashes[rows] = some


def _to_bits(numbers: np.ndarray) -> np.ndarray:
    """Doubles as Java's `doubleToLongBits`, floats as `floatToIntBits`: one zero, one NaN."""
    import numpy as np

    whole = numbers + 0.0  # -0.0 becomes 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        is_finite = np.isfinite(whole.sum())  # quicker than asking each of them
    if not is_finite:
        whole[np.isnan(whole)] = np.nan
    bits: np.ndarray = whole.view(np.uint64 if whole.dtype == np.float64 else np.uint32)
    return bits


def _find_nulls(column: pa.Array) -> np.ndarray | None:
    """Boolean (N,), None where there are none."""
    if not column.null_count:
        return None
    found: np.ndarray = column.is_null().to_numpy(zero_copy_only=False)
    return found

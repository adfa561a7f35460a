"""Do all rows have a key of their own? Proved by 64-bit hashes, which tasks send where keys would be too many bytes.

Equal keys have equal hashes. Where all hashes differ so do all keys; where two are equal, the keys must be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SEED = 20_240_229


def hash_keys(keys: pa.Array) -> np.ndarray:
    """Hashes uint64 (N,) of keys without nulls: of integers and booleans these themselves.

    Of strings the sum over bytes of table[byte] * odd[position] and their number, modulo 2^64.
    """
    import numpy as np
    import pyarrow as pa

    if not pa.types.is_string(keys.type):
        numbers: np.ndarray = keys.to_numpy(zero_copy_only=False).astype(np.int64)
        return numbers.view(np.uint64)
    if not len(keys):
        return np.empty(0, np.uint64)
    plain = keys.cast(pa.large_string())
    offsets = np.frombuffer(plain.buffers()[1], np.int64)[plain.offset : plain.offset + len(plain) + 1]
    data = plain.buffers()[2]
    letters = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data is not None else np.empty(0, np.uint8)
    starts, lengths = offsets[:-1] - offsets[0], np.diff(offsets)
    sums = np.zeros(len(plain), np.uint64)
    table = np.random.default_rng(_SEED).integers(0, 2**64, 256, np.uint64)
    odd = np.random.default_rng(_SEED + 1).integers(0, 2**63, max(1, int(lengths.max())), np.uint64) * 2 + 1
    is_filled = lengths > 0
    if len(letters):
        places = np.arange(len(letters)) - np.repeat(starts, lengths)
        # reduceat would take the next string's first letter for an empty one.
        sums[is_filled] = np.add.reduceat(table[letters] * odd[places], starts[is_filled])
    return sums + lengths.astype(np.uint64)


def are_distinct(parts: Sequence[np.ndarray]) -> bool:
    """Whether no hash occurs twice in all parts together."""
    import numpy as np

    if not parts:
        return True
    hashes = np.sort(np.concatenate(parts))
    return not bool((hashes[1:] == hashes[:-1]).any())

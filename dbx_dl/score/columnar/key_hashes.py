"""Do all rows have a key of their own? Proved by 64-bit hashes, which tasks send where keys would be too many bytes.

Equal keys have equal hashes. Where all hashes differ so do all keys; where two are equal, the keys must be looked at.
Of runs of consecutive integers their ends are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SEED = 20_240_229
# Of shorter runs the ends would be as many bytes as hashes.
_MEAN_RUN = 256


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


def find_ranges(keys: pa.Array) -> list[tuple[int, int]] | None:
    """The first and the last of each run of integers that go up by one; None of other keys, or where runs are short."""
    import numpy as np
    import pyarrow.types as types

    if not types.is_signed_integer(keys.type) or keys.null_count or not len(keys):
        return None
    numbers = keys.to_numpy()
    before, after = numbers[:-1], numbers[1:]
    # The largest integer and one is the smallest one.
    is_end = (after != before + 1) | (after < before)
    if np.count_nonzero(is_end) > len(numbers) // _MEAN_RUN:
        return None
    firsts, lasts = numbers[np.append(True, is_end)], numbers[np.append(is_end, True)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def are_distinct(parts: Sequence[np.ndarray], ranges: Sequence[tuple[int, int]] = ()) -> bool:
    """Whether no hash occurs twice in all parts together, and no key of a range in another or among hashes of integers.

    Ranges are what `find_ranges` gives.
    """
    import numpy as np

    hashes = np.sort(np.concatenate(parts)) if parts else np.empty(0, np.uint64)
    if (hashes[1:] == hashes[:-1]).any():
        return False
    if not ranges:
        return True
    bounds = np.array(sorted(ranges), np.int64)
    numbers = np.sort(hashes.view(np.int64))
    num_below = np.searchsorted(numbers, bounds[:, 0], "left"), np.searchsorted(numbers, bounds[:, 1], "right")
    return bool((bounds[1:, 0] > bounds[:-1, 1]).all() and (num_below[0] == num_below[1]).all())

"""XXH64 (https://github.com/Cyan4973/xxHash, xxh64) of many values at once, each with a seed of its own, as in Spark.

Every function takes hashes uint64 (N,), the seeds, and leaves the new hashes in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_MASK = 2**64 - 1
# Blocks of rows stay in the processor's cache over the steps.
_BLOCK_ROWS = 16_384
_STRIPE_BYTES = 32


def add_longs(hashes: np.ndarray, values: np.ndarray) -> None:
    """Add 8 bytes each: uint64 (N,)."""
    import numpy as np

    for start in range(0, len(hashes), _BLOCK_ROWS):
        block = hashes[start : start + _BLOCK_ROWS]
        spare = np.empty_like(block)
        block += np.uint64((_P5 + 8) & _MASK)
        _mix_word(block, values[start : start + _BLOCK_ROWS] * np.uint64(_P2), spare)
        _finish(block, spare)


def add_ints(hashes: np.ndarray, values: np.ndarray) -> None:
    """Add 4 bytes each: uint64 (N,) below 2^32."""
    import numpy as np

    for start in range(0, len(hashes), _BLOCK_ROWS):
        block = hashes[start : start + _BLOCK_ROWS]
        spare = np.empty_like(block)
        block += np.uint64((_P5 + 4) & _MASK)
        block ^= values[start : start + _BLOCK_ROWS] * np.uint64(_P1)
        _turn_int(block, spare)


def add_flags(hashes: np.ndarray, flags: np.ndarray | None) -> None:
    """Add booleans (N,), None for all false."""
    import numpy as np

    if flags is not None:
        add_ints(hashes, flags.astype(np.uint64))
        return
    for start in range(0, len(hashes), _BLOCK_ROWS):
        block = hashes[start : start + _BLOCK_ROWS]
        block += np.uint64((_P5 + 4) & _MASK)
        _turn_int(block, np.empty_like(block))


def add_bytes(hashes: np.ndarray, data: Any, starts: np.ndarray, lengths: np.ndarray) -> None:
    """Add bytes: of each row `lengths` int64 (N,) of them from `starts` int64 (N,) on in a buffer."""
    import numpy as np

    letters = np.zeros((0 if data is None else memoryview(data).nbytes) + 8, np.uint8)
    if data is not None:
        letters[:-8] = np.frombuffer(data, np.uint8)
    # The word that starts at each byte.
    words = np.ndarray((len(letters) - 7,), "<u8", buffer=letters.data, strides=(1,))
    # Long ones first: whoever still has bytes is then at the front.
    order = np.argsort(-lengths, kind="stable")
    sorted_hashes, starts, lengths = hashes[order], starts[order], lengths[order]
    _add_stripes(sorted_hashes, words, starts, lengths)
    sorted_hashes += lengths.astype(np.uint64)
    done = lengths - lengths % _STRIPE_BYTES
    for _ in range(3):
        rows = np.flatnonzero(lengths - done >= 8)
        if len(rows):
            some = sorted_hashes[rows]
            _mix_word(some, words[starts[rows] + done[rows]] * np.uint64(_P2), np.empty_like(some))
            sorted_hashes[rows] = some
            done[rows] += 8
    _add_tail(sorted_hashes, words, letters, starts + done, lengths - done)
    _finish(sorted_hashes, np.empty_like(sorted_hashes))
    hashes[order] = sorted_hashes


def _add_stripes(hashes: np.ndarray, words: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> None:
    """The part of rows of 32 bytes and more, in stripes of four words; the others get what stands for it."""
    import numpy as np

    num_long = int((lengths >= _STRIPE_BYTES).sum())
    seeds = hashes[:num_long].copy()
    hashes[num_long:] += np.uint64(_P5)
    if not num_long:
        return
    first = ((_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK)
    lanes = [seeds + np.uint64(number) for number in first]
    for stripe in range(int(lengths[0]) // _STRIPE_BYTES):
        num_rows = int((lengths[:num_long] >= (stripe + 1) * _STRIPE_BYTES).sum())
        at = starts[:num_rows] + stripe * _STRIPE_BYTES
        for place, lane in enumerate(lanes):
            part = lane[:num_rows]
            part += words[at + 8 * place] * np.uint64(_P2)
            _rotate(part, 31, np.empty_like(part))
            part *= np.uint64(_P1)
    spare = np.empty_like(seeds)
    total = np.zeros_like(seeds)
    for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True):
        turned = lane.copy()
        _rotate(turned, bits, spare)
        total += turned
    for lane in lanes:
        lane *= np.uint64(_P2)
        _rotate(lane, 31, spare)
        lane *= np.uint64(_P1)
        total ^= lane
        total *= np.uint64(_P1)
        total += np.uint64(_P4)
    hashes[:num_long] = total


def _add_tail(
    hashes: np.ndarray, words: np.ndarray, letters: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> None:
    """The last 7 bytes at most: four of them at once, then one by one."""
    import numpy as np

    rows = np.flatnonzero(lengths >= 4)
    if len(rows):
        some = hashes[rows]
        some ^= (words[starts[rows]] & np.uint64(0xFFFFFFFF)) * np.uint64(_P1)
        _rotate(some, 23, np.empty_like(some))
        some *= np.uint64(_P2)
        some += np.uint64(_P3)
        hashes[rows] = some
    done = np.where(lengths >= 4, 4, 0)
    for _ in range(3):
        rows = np.flatnonzero(lengths > done)
        if not len(rows):
            return
        some = hashes[rows]
        some ^= letters[starts[rows] + done[rows]].astype(np.uint64) * np.uint64(_P5)
        _rotate(some, 11, np.empty_like(some))
        some *= np.uint64(_P1)
        hashes[rows] = some
        done[rows] += 1


def _mix_word(hashes: np.ndarray, word: np.ndarray, spare: np.ndarray) -> None:
    """Add a word that was multiplied by the second prime."""
    import numpy as np

    _rotate(word, 31, spare)
    word *= np.uint64(_P1)
    hashes ^= word
    _rotate(hashes, 27, spare)
    hashes *= np.uint64(_P1)
    hashes += np.uint64(_P4)


def _turn_int(hashes: np.ndarray, spare: np.ndarray) -> None:
    import numpy as np

    _rotate(hashes, 23, spare)
    hashes *= np.uint64(_P2)
    hashes += np.uint64(_P3)
    _finish(hashes, spare)


def _finish(hashes: np.ndarray, spare: np.ndarray) -> None:
    import numpy as np

    for shift, prime in ((33, _P2), (29, _P3), (32, None)):
        np.right_shift(hashes, np.uint64(shift), out=spare)
        hashes ^= spare
        if prime is not None:
            hashes *= np.uint64(prime)


def _rotate(values: np.ndarray, bits: int, spare: np.ndarray) -> None:
    """Rotate to the left, in place."""
    import numpy as np

    np.right_shift(values, np.uint64(64 - bits), out=spare)
    values <<= np.uint64(bits)
    values |= spare

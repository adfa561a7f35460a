"""XXH64 of many values at once against the algorithm written out for one."""

from __future__ import annotations

import numpy as np

from dbx_dl.score.columnar import xxhash64

P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MASK = 2**64 - 1


def rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & MASK


def mix(lane: int, word: int) -> int:
    return rotate((lane + word * P2) & MASK, 31) * P1 & MASK


def hash_plainly(data: bytes, seed: int) -> int:
    words = [int.from_bytes(data[start : start + 8], "little") for start in range(0, len(data) - 7, 8)]
    num_striped = len(data) // 32 * 4
    if num_striped:
        lanes = [(seed + first) & MASK for first in (P1 + P2, P2, 0, -P1)]
        for place, word in enumerate(words[:num_striped]):
            lanes[place % 4] = mix(lanes[place % 4], word)
        total = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            total = ((total ^ mix(0, lane)) * P1 + P4) & MASK
    else:
        total = (seed + P5) & MASK
    total = (total + len(data)) & MASK
    for word in words[num_striped:]:
        total = (rotate(total ^ mix(0, word), 27) * P1 + P4) & MASK
    rest = data[len(words) * 8 :]
    if len(rest) >= 4:
        total = (rotate(total ^ (int.from_bytes(rest[:4], "little") * P1 & MASK), 23) * P2 + P3) & MASK
        rest = rest[4:]
    for letter in rest:
        total = rotate(total ^ (letter * P5 & MASK), 11) * P1 & MASK
    total = (total ^ (total >> 33)) * P2 & MASK
    total = (total ^ (total >> 29)) * P3 & MASK
    return total ^ (total >> 32)


def make_seeds(num_rows: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2**64, num_rows, np.uint64)


def test_the_plain_algorithm_is_xxh64() -> None:
    assert hash_plainly(b"", 0) == 0xEF46DB3751D8E999
    assert hash_plainly(b"abc", 0) == 0x44BC2CF5AD770999


def test_bytes_of_all_lengths() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 256, length, np.uint8).tobytes() for length in (*range(70), 200, 3, 0, 129)]
    lengths = np.array([len(row) for row in rows])
    seeds = make_seeds(len(rows))
    found = seeds.copy()
    xxhash64.add_bytes(found, b"".join([b"xyz", *rows]), 3 + np.cumsum(lengths) - lengths, lengths)
    assert found.tolist() == [hash_plainly(row, seed) for row, seed in zip(rows, seeds.tolist(), strict=True)]


def test_numbers_are_their_bytes() -> None:
    seeds = make_seeds(5000)
    values = np.random.default_rng(2).integers(0, 2**64, 5000, np.uint64)
    longs, ints, falses, flags = (seeds.copy() for _ in range(4))
    xxhash64.add_longs(longs, values)
    xxhash64.add_ints(ints, values >> np.uint64(32))
    xxhash64.add_flags(falses, None)
    xxhash64.add_flags(flags, values % np.uint64(2) == 1)
    pairs = list(zip(values.tolist(), seeds.tolist(), strict=True))
    assert longs.tolist() == [hash_plainly(value.to_bytes(8, "little"), seed) for value, seed in pairs]
    assert ints.tolist() == [hash_plainly((value >> 32).to_bytes(4, "little"), seed) for value, seed in pairs]
    assert flags.tolist() == [hash_plainly((value % 2).to_bytes(4, "little"), seed) for value, seed in pairs]
    assert falses.tolist() == [hash_plainly(bytes(4), seed) for _, seed in pairs]

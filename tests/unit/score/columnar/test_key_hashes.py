"""Hashes of keys: equal where keys are, and different where they are not."""

import numpy as np
import pyarrow as pa

from dbx_dl.score.columnar.key_hashes import are_distinct, hash_keys


def test_hashes_tell_keys_apart_wherever_they_lie() -> None:
    keys = ["", "a", "b", "ab", "ba", "aa", "a\0", "\0a", "\0", "ä", "x" * 300, "x" * 301]
    whole = hash_keys(pa.array(keys))
    assert len(set(whole.tolist())) == len(keys)
    np.testing.assert_array_equal(hash_keys(pa.array(["other", *keys]).slice(1)), whole)
    np.testing.assert_array_equal(hash_keys(pa.array(keys[::-1])), whole[::-1])


def test_integers_are_their_own_hashes() -> None:
    numbers = pa.array([0, -1, 2**63 - 1, -(2**63), 5], pa.int64())
    assert are_distinct([hash_keys(numbers)])
    assert not are_distinct([hash_keys(numbers), hash_keys(pa.array([5], pa.int64()))])


def test_many_keys_are_distinct_and_one_repeated_is_found() -> None:
    keys = pa.array([f"rows/{row:07d}.png" for row in range(200_000)])
    halves = [hash_keys(keys.slice(0, 100_000)), hash_keys(keys.slice(100_000))]
    assert are_distinct(halves) and are_distinct([]) and len(hash_keys(keys.slice(0, 0))) == 0
    assert not are_distinct([*halves, hash_keys(pa.array(["rows/0123456.png"]))])

"""Hashes of keys: equal where keys are, and different where they are not."""

import numpy as np
import pyarrow as pa

from dbx_dl.score.columnar.key_hashes import are_distinct, find_ranges, hash_keys


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


def test_consecutive_integers_are_known_by_the_ends_of_their_runs() -> None:
    keys = [[5, 6, 7], [5, 7], [5, 5], [7, 6], [5, None, 7], [], [9]]
    found = [find_ranges(pa.array(each, pa.int64())) for each in keys]
    assert found == [[(5, 7)], None, None, None, None, None, [(9, 9)]]
    assert find_ranges(pa.array(["5", "6"])) is None and find_ranges(pa.array([1, 3, 2, 4])) is None
    assert find_ranges(pa.array([-(2**63), 0, 2**63 - 1])) is None


def test_runs_are_told_apart_where_they_are_long() -> None:
    parts = [np.arange(500, 800), np.arange(-9, 500), np.arange(799, 2000)]
    keys = pa.array(np.concatenate(parts))
    assert find_ranges(keys) == [(500, 799), (-9, 499), (799, 1999)]
    assert not are_distinct([], find_ranges(keys) or []) and are_distinct([], (find_ranges(keys) or [])[:2])
    assert find_ranges(pa.array(np.arange(0, 4000, 2))) is None
    ends = pa.array(np.concatenate([np.arange(2**63 - 300, 2**63 - 1), [2**63 - 1], np.arange(-(2**63), 5 - 2**63)]))
    assert find_ranges(ends) == [(2**63 - 300, 2**63 - 1), (-(2**63), 4 - 2**63)]


def test_ranges_share_no_key_with_each_other_or_with_hashes() -> None:
    hashes = [hash_keys(pa.array([-3, 20, 8], pa.int64()))]
    assert are_distinct(hashes, [(10, 19), (0, 7), (-2, -1), (9, 9)])
    assert are_distinct([], [(0, 7), (8, 8)]) and not are_distinct([], [(0, 7), (7, 8)])
    for taken in ((10, 20), (-3, -3), (7, 9), (-10, 30)):
        assert not are_distinct(hashes, [taken])

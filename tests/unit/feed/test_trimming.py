"""Batches of texts lose padding, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.contracts import Batch
from dbx_dl.feed.trimming import trim_batch


@pytest.mark.parametrize(("longest", "kept"), [(0, 8), (1, 8), (8, 8), (9, 16), (17, 20), (20, 20)])
def test_a_batch_is_as_long_as_its_longest_row_needs(longest: int, kept: int) -> None:
    ids = np.zeros((3, 20), np.int32)
    ids[1, :longest] = np.arange(1, longest + 1)
    found = trim_batch(Batch(ids, np.zeros(3), np.ones(3), ["a", "b", "c"]))
    np.testing.assert_array_equal(found.inputs, ids[:, :kept])
    assert list(found.keys) == ["a", "b", "c"] and found.inputs.flags.c_contiguous

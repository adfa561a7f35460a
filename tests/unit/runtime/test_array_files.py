"""Arrays in files: what was written and nothing else, and no pickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dbx_dl.runtime.array_files import write_arrays


def test_a_file_has_the_arrays_that_were_given(tmp_path: Path) -> None:
    arrays = {"part/kernel": np.ones((2, 3), np.float32), "words": np.array(["a", "bc"])}
    write_arrays(tmp_path / "a.npz", arrays)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert found.files == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


def test_objects_are_not_pickled(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="array 'labels' holds Python objects"):
        write_arrays(tmp_path / "a.npz", {"labels": np.array(["a", None], object)})
    assert not (tmp_path / "a.npz").exists()

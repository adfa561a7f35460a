"""Arrays in files: what was written and nothing else, and no pickles."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from dbx_dl.errors import DataError
from dbx_dl.frameworks.weights import refuse_unreadable
from dbx_dl.runtime.array_files import read_arrays, write_arrays

DTYPES = arrays_of.boolean_dtypes() | arrays_of.floating_dtypes() | arrays_of.unicode_string_dtypes()


def test_a_file_has_the_arrays_that_were_given(tmp_path: Path) -> None:
    arrays = {"part/kernel": np.ones((2, 3), np.float32), "words": np.array(["a", "bc"])}
    write_arrays(tmp_path / "a.npz", arrays)
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_objects_are_not_pickled(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="array 'labels' holds Python objects"):
        write_arrays(tmp_path / "a.npz", {"labels": np.array(["a", None], object)})
    assert not (tmp_path / "a.npz").exists()


@given(array=arrays_of.arrays(DTYPES, arrays_of.array_shapes(min_dims=0, min_side=0)), is_packed=st.booleans())
def test_every_array_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, is_packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npz"
    (np.savez_compressed if is_packed else np.savez)(path, a=np.asfortranarray(array), zeros=np.zeros(9999))
    found = read_arrays(path)
    assert found["a"].dtype == array.dtype and found["zeros"].shape == (9999,)
    np.testing.assert_array_equal(found["a"], array)


@pytest.mark.parametrize("shape", [(5,), (2**33,), (2**50,), (2**62, 4), (2**40, 2**40)])
@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_arrays_that_claim_more_than_the_file_holds_are_refused(
    tmp_path: Path, shape: tuple[int, ...], packing: int, version: tuple[int, int]
) -> None:
    path = write_claim(tmp_path / "w.npz", shape, packing, version)
    with pytest.raises(
        DataError, match=r"w\.npz is broken: its array 'kernel' of shape .* is said to take \d+ bytes, "
    ):
        read_arrays(path)
    with pytest.raises(DataError, match="is broken: its array 'kernel'"), refuse_unreadable(path, "weights"):
        read_arrays(path)


def test_members_that_claim_more_than_the_file_has_are_refused(tmp_path: Path) -> None:
    path = write_claim(tmp_path / "w.npz", (2**28,), zipfile.ZIP_STORED, (1, 0))
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    for place in (20, 24):  # its compressed and its own size
        content[directory + place : directory + place + 4] = (2**30 + 200).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(DataError, match="said to take more bytes than the file has"):
        read_arrays(path)


def write_claim(path: Path, shape: tuple[int, ...], packing: int, version: tuple[int, int]) -> Path:
    """An .npz of one array of this shape whose numbers are sixteen bytes."""
    header = io.BytesIO()
    write = np.lib.format.write_array_header_1_0 if version == (1, 0) else np.lib.format.write_array_header_2_0
    write(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("kernel.npy", header.getvalue() + bytes(16))
    return path

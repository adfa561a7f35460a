"""Arrays in files, never pickled."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from dbx_dl.errors import DataError

# Deflate packs at most so many bytes into one.
_MOST_DEFLATED = 1032


def write_arrays(file: Path | IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name as an .npz file; TypeError for one of Python objects, which would have to be pickled.

    `numpy.savez` can be told so from NumPy 2.1 on alone: before, its `allow_pickle` is the name of one more array.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"array {name!r} holds Python objects, which are not written to files")
    np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_arrays` wrote, by name.

    DataError, with no memory taken for them, where arrays are said to be larger than the file can hold. What zipfile
    and NumPy raise for files that are no .npz, and ValueError for Python objects, which are not unpickled.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.compress_size for member in members) > path.stat().st_size:
            raise DataError(f"{path} is broken: its arrays are said to take more bytes than the file has")
        for member in members:
            _require_held(path, archive, member)
    with np.load(path, allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


def _require_held(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """DataError unless the array that a member's header tells of fits into the member."""
    with archive.open(member) as file:
        read_header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        claimed = file.tell() + math.prod(shape) * dtype.itemsize
    packing = 1 if member.compress_type == zipfile.ZIP_STORED else _MOST_DEFLATED
    held = min(member.file_size, member.compress_size * packing)
    if claimed > held and not dtype.hasobject:
        raise DataError(
            f"{path} is broken: its array {member.filename.removesuffix('.npy')!r} of shape {shape} is said to take "
            f"{claimed} bytes, the file has {held} for it"
        )

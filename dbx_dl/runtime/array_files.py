"""Arrays in files, never pickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def write_arrays(file: Path | IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name as an .npz file; TypeError for one of Python objects, which would have to be pickled.

    `numpy.savez` can be told so from NumPy 2.1 on alone: before, its `allow_pickle` is the name of one more array.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"array {name!r} holds Python objects, which are not written to files")
    np.savez(file, **arrays)  # type: ignore[arg-type]

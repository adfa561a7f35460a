"""Weight files are refused when they are of another network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dbx_dl.errors import DataError
from dbx_dl.frameworks.weights import check_weights_fit, refuse_unreadable

WEIGHTS = {"kernel": np.zeros((3, 2), np.float32), "bias": np.zeros(2, np.float32)}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"kernel": WEIGHTS["kernel"]}, r"bias float32\[2\] is missing"),
        (WEIGHTS | {"kernel": np.zeros((2, 3), np.float32)}, r"kernel is float32\[2, 3\], .*'s is float32\[3, 2\]"),
        (WEIGHTS | {"bias": np.zeros(2)}, r"bias is float64\[2\]"),
        (WEIGHTS | {"more": np.zeros(2)}, r"the network has no more"),
    ],
)
def test_other_weights_are_refused(found: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_weights_fit(Path("w.npz"), found, WEIGHTS)


def test_same_names_shapes_and_dtypes_fit() -> None:
    check_weights_fit(Path("w.npz"), {name: array + 1 for name, array in WEIGHTS.items()}, WEIGHTS)


def test_unreadable_files_are_one_error() -> None:
    with (
        pytest.raises(DataError, match=r"w\.npz is not weights: first line$"),
        refuse_unreadable(Path("w.npz"), "weights"),
    ):
        raise ValueError("first line\nsecond line")
    with pytest.raises(DataError, match="do not exist"), refuse_unreadable(Path("w.npz"), "weights"):
        raise FileNotFoundError("w.npz")

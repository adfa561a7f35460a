"""Values of a rank's function travel without pickle, or are refused by their type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.errors import DataError
from dbx_dl.train.returned_values import load_value, save_value


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.1, float("inf"), "ä", [], {}, [1, [None, "x"]], {"loss": [0.5, 0.25], "tree": {"a": 1}}],
)
def test_plain_values_come_back(value: Any, tmp_path: Path) -> None:
    save_value(value, tmp_path / "value.npz")
    assert load_value(tmp_path / "value.npz") == value


def test_arrays_come_back_inside_lists_and_dicts(tmp_path: Path) -> None:
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 4), np.int64)]
    save_value({"weights": tuple(weights), "best": np.float64(0.5), "tree": np.array(["a"])}, tmp_path / "value.npz")
    value = load_value(tmp_path / "value.npz")
    for found, expected in zip(value["weights"], weights, strict=True):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(found, expected)
    assert value["best"] == 0.5
    assert isinstance(value["best"], np.float64)
    assert value["tree"].tolist() == ["a"]


@pytest.mark.parametrize("value", [object(), {1: "a"}, {"a": {2}}, np.array([object()])])
def test_anything_else_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="return numbers, strings, NumPy arrays, or lists and dicts of them"):
        save_value(value, tmp_path / "value.npz")
    assert list(tmp_path.iterdir()) == []

"""Both frameworks' activation functions against their formulas, and a convolution that one can compute by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.frameworks.activations import ACTIVATIONS, ActivationName
from tests.numerics.activations import POINTS, read_row
from tests.numerics.children import run_alone
from tests.numerics.test_frameworks_agree import open_session

# What the two filters give on the 6x6 picture, row by row, and the largest of every 2x2 of it.
CONVOLVED = (
    ((3, -1, -3, -1), (-3, 1, 0, -3), (-3, -3, 0, 1), (3, -2, -2, -1)),
    ((-1, -1, -1, -1), (-1, -1, -2, 1), (-1, -1, -2, 1), (-1, 0, -4, 3)),
)
POOLED = (((3, 0), (3, 1)), ((-1, 1), (0, 3)))
# The other functions give whole numbers and halves here, which come out exactly.
SMOOTH = ("logistic", "tanh", "softplus")
IMAGES = {"convolved": (CONVOLVED, 4), "pooled": (POOLED, 2)}


@pytest.fixture(scope="module", params=["keras", "torch"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The scenario's folder and results of each framework."""
    folder = tmp_path_factory.mktemp(request.param)
    run_alone("activations", request.param, folder)
    return folder, json.loads((folder / "activations.json").read_text())


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_values_and_gradients(found: tuple[Path, dict[str, Any]], name: ActivationName) -> None:
    values, points = found[1][name], POINTS.astype(np.float64)
    expected = ACTIVATIONS[name].apply(points)
    tolerance = 2e-7 if name in SMOOTH else 0
    np.testing.assert_allclose(values["values"], expected, rtol=tolerance, atol=tolerance)
    assert values["trained"] == values["values"]
    np.testing.assert_allclose(values["gradient"], ACTIVATIONS[name].gradient(points), atol=tolerance)


def test_onnx_files_give_the_same_values(found: tuple[Path, dict[str, Any]]) -> None:
    folder, results = found
    (values,) = open_session(folder / "activated.onnx").run(["logits"], {"inputs": read_row("activated")})
    points = POINTS.astype(np.float64)
    for name, row in zip(ACTIVATIONS, values.reshape(len(ACTIVATIONS), len(POINTS)), strict=True):
        tolerance = 2e-7 if name in SMOOTH else 0
        np.testing.assert_allclose(row, ACTIVATIONS[name].apply(points), rtol=tolerance, atol=tolerance, err_msg=name)
        np.testing.assert_allclose(row, results[name]["values"], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("key", list(IMAGES))
def test_the_convolution_by_hand(found: tuple[Path, dict[str, Any]], key: str) -> None:
    folder, results = found
    expected, size = IMAGES[key]
    images = np.array(results[key]).reshape(size, size, 2).transpose(2, 0, 1)
    assert images.tolist() == np.array(expected).tolist()
    (logits,) = open_session(folder / f"{key}.onnx").run(["logits"], {"inputs": read_row(key)})
    assert logits.tolist() == results[key]

"""Gradients of trained networks in both frameworks: complete, planted features found, and captum's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dbx_dl.explain.methods.grad_cam import enlarge_maps
from dbx_dl.runtime.processes import call_in_process
from tests.trained_networks import PATCH, PLANTED_WORD, SIDE, WORDS, plant
from tests.unit.explain.captum_process import KINDS, NUM_ROWS

Found = dict[str, dict[str, np.ndarray]]


# What `make test` has of PyTorch's gradients is in tests/spark/explain.
@pytest.fixture(scope="module", params=["keras", pytest.param("torch", marks=pytest.mark.matrix)])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What one framework's networks say of the planted rows, by kind and method."""
    folder = tmp_path_factory.mktemp(request.param)
    call_in_process(
        "tests.unit.explain.captum_process:explain_planted", {"framework": request.param, "folder": str(folder)}
    )
    names = [f"{kind}-integrated_gradients" for kind in KINDS] + ["images-grad_cam"]
    return {name: _load(folder / f"{name}.npz") for name in names}


def _load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as saved:
        return dict(saved)


def test_contributions_add_up_from_the_baseline_to_the_score(found: Found) -> None:
    for kind in KINDS:
        each = found[f"{kind}-integrated_gradients"]
        sums = each["contributions"].reshape(NUM_ROWS, -1).sum(axis=1)
        difference = each["scores"] - each["base"]
        np.testing.assert_allclose(sums + each["gaps"], difference, atol=1e-4)
        assert (np.abs(each["gaps"]) <= 0.01 * np.maximum(np.abs(difference), 1e-3) + 1e-5).mean() >= 0.9, kind
        # The networks have learned what was planted, so that there is something to explain.
        assert (each["scores"] > 0).mean() > 0.9, kind


def test_the_planted_patch_is_where_heat_is(found: Found) -> None:
    is_up = plant("images").labels[:NUM_ROWS] == 1
    inside = np.zeros((SIDE, SIDE), bool)
    inside[PATCH] = True
    mean = np.abs(found["images-integrated_gradients"]["contributions"][is_up]).mean(axis=0)
    assert mean.shape == (SIDE, SIDE) and mean[inside].mean() > 3 * mean[~inside].mean()


def test_the_planted_column_word_and_step_are_the_strongest(found: Found) -> None:
    columns = np.abs(found["table-integrated_gradients"]["contributions"]).mean(axis=0)
    assert columns.argmax() == 4 and columns[4] > 3 * columns[0]
    planted = plant("text")
    is_word = planted.rows[:NUM_ROWS] == 2 + WORDS.index(PLANTED_WORD)
    words = found["text-integrated_gradients"]["contributions"]
    has_word = is_word.any(axis=1)
    assert (np.abs(words)[has_word].argmax(axis=1) == is_word[has_word].argmax(axis=1)).all()
    steps = np.abs(found["steps-integrated_gradients"]["contributions"]).mean(axis=0)
    assert np.unravel_index(steps.argmax(), steps.shape) == (3, 0)
    np.testing.assert_array_equal(steps[:, 2], 0)


def test_captum_finds_the_same_and_grad_cam_is_what_it_is_defined_as(found: Found) -> None:
    """Captum knows PyTorch only; in Keras Grad-CAM is computed by a model of two outputs."""
    expected = {name: each["expected"] for name, each in found.items() if "expected" in each}
    assert "images-grad_cam" in expected
    for name, theirs in expected.items():
        ours = found[name]["contributions"]
        if name.endswith("grad_cam"):
            theirs = enlarge_maps(theirs.astype(np.float64), SIDE, SIDE)
            if "frozen" in found[name]:
                np.testing.assert_allclose(ours, enlarge_maps(found[name]["frozen"], SIDE, SIDE), atol=1e-5)
        size = max(float(np.abs(theirs).max()), 1e-6)
        np.testing.assert_allclose(ours, theirs, atol=0.02 * size, err_msg=name)

"""Boxes and masks are learned alike in both frameworks: losses by hand, their gradients, and shapes that are found."""

from __future__ import annotations

import numpy as np
import pytest

from tests.numerics.conftest import Numbers
from tests.numerics.locating import GRID, SIDE, make_logits, make_outputs


def sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))


def compute_loss(outputs: np.ndarray, labels: np.ndarray) -> float:
    """One row's loss, box by box and cell by cell."""
    cells, loss, full = outputs.reshape(*GRID, -1).astype(np.float64), 0.0, set()
    for label, x, y, width, height in labels.astype(np.float64):
        if width > 0:
            middle_x, middle_y = (x + width / 2) * GRID[1], (y + height / 2) * GRID[0]
            row, column = int(middle_y), int(middle_x)
            full.add((row, column))
            numbers = cells[row, column]
            errors = sigmoid(numbers[1:3]) - (middle_x - column, middle_y - row)
            roots = np.sqrt(sigmoid(numbers[3:5])) - np.sqrt([width, height])
            logits = numbers[5:]
            loss += 5 * ((errors**2).sum() + (roots**2).sum())
            loss += np.log(np.exp(logits).sum()) - logits[int(label)]
    for row, column in np.ndindex(*GRID):
        logit = cells[row, column, 0]
        loss += -np.log(sigmoid(logit)) if (row, column) in full else -0.5 * np.log(sigmoid(-logit))
    return loss


def test_losses_by_hand(numbers: Numbers) -> None:
    expected = [compute_loss(outputs, labels) for outputs, labels in zip(*make_outputs(), strict=True)]
    assert numbers.alone["places"]["boxes"]["losses"] == pytest.approx(expected, rel=1e-5)


def test_losses_of_masks_by_hand(numbers: Numbers) -> None:
    logits, masks = make_logits()
    pixels = logits.reshape(3, SIDE * SIDE, -1).astype(np.float64)
    chosen = np.take_along_axis(pixels, masks.reshape(3, -1, 1).astype(np.int64), axis=2)[..., 0]
    expected = (np.log(np.exp(pixels).sum(axis=2)) - chosen).mean(axis=1)
    assert numbers.alone["places"]["masks"]["losses"] == pytest.approx(expected.tolist(), rel=1e-5)


@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_both_frameworks_have_the_same_gradients(keras_numbers: Numbers, torch_numbers: Numbers, kind: str) -> None:
    keras, torch = (np.array(numbers.alone["places"][kind]["gradients"]) for numbers in (keras_numbers, torch_numbers))
    assert np.isfinite(keras).all() and np.abs(keras).max() > 1e-4
    np.testing.assert_allclose(keras, torch, atol=1e-5, rtol=1e-4)


def test_shapes_are_found(numbers: Numbers) -> None:
    assert numbers.alone["places"]["boxes"]["metrics"]["map_50"] > 0.4

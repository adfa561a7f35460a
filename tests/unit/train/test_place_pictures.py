"""Pictures show true and found places, in the colours of their labels."""

from __future__ import annotations

import numpy as np

from dbx_dl.figures import class_samples
from dbx_dl.train.place_pictures import COLORS, draw_places

IMAGES = [np.full((16, 16, 1), 100, np.uint8), np.full((16, 16, 3), 50, np.uint8)]


def has_color(image: np.ndarray, color: tuple[int, ...]) -> bool:
    return bool((image == color).all(axis=2).any())


def test_boxes_are_framed() -> None:
    labels = np.zeros((2, 2, 5), np.float32)
    labels[0, 0] = (1, 0.25, 0.25, 0.5, 0.5)
    candidates = np.zeros((2, 2, 8))
    candidates[:, 0] = [[0.9, 0.1, 0.1, 0.5, 0.5, 1, 0, 0], [0.2, 0.1, 0.1, 0.5, 0.5, 1, 0, 0]]
    found = draw_places(IMAGES, labels, candidates, "boxes")
    assert [[image.shape for image in row] for row in found.values()] == [[(128, 128, 3)] * 2] * 2
    assert [has_color(image, COLORS[1]) for image in found["true"]] == [True, False]
    assert [has_color(image, COLORS[0]) for image in found["found"]] == [True, False]
    assert class_samples(found, ()).axes


def test_masks_are_painted() -> None:
    masks = np.zeros((2, 16, 16), np.uint8)
    masks[1, :8] = 2
    found = draw_places(IMAGES, masks, 0.0 * masks, "mask")
    assert (found["true"][0] == 100).all() and (found["found"][1] == 50).all()
    assert found["true"][1][0, 0].tolist() == [int(0.4 * 50 + 0.6 * color) for color in COLORS[1]]

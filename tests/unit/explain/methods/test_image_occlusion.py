"""Occlusion of images: a planted patch is found, every pixel is covered, and borders are no exception."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.explain.methods.image_occlusion import list_corners, occlude_images


def see_corner(pixels_nhwc: np.ndarray) -> np.ndarray:
    """Scores of two classes: how bright the planted patch is, and how dark."""
    bright = pixels_nhwc[:, 2:5, 6:9].astype(float).mean(axis=(1, 2, 3)) / 255
    return np.stack([bright, 1 - bright], axis=1)


def test_the_planted_patch_is_hot_and_the_rest_is_not() -> None:
    image = np.full((1, 10, 12, 1), 127, np.uint8)
    image[:, 2:5, 6:9] = 255
    heat, scores = occlude_images(image, np.array([0]), see_corner, patch=3, stride=1)
    assert scores[0] == 1.0 and heat.shape == (1, 10, 12)
    inside = np.zeros((10, 12), bool)
    inside[2:5, 6:9] = True
    assert np.unravel_index(heat[0].argmax(), (10, 12)) == (3, 7)
    assert heat[0][inside].min() > 0 and heat[0][:, :4].max() == 0
    against, _ = occlude_images(image, np.array([1]), see_corner, patch=3, stride=1)
    np.testing.assert_allclose(against, -heat)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 25), st.integers(1, 9))
def test_every_pixel_is_covered_where_patches_touch(height: int, width: int, patch: int, stride: int) -> None:
    covered = np.zeros((height, width), bool)
    for top, left in list_corners(height, width, patch, min(stride, patch)):
        assert 0 <= top < height and 0 <= left < width
        covered[top : top + patch, left : left + patch] = True
    assert covered.all()


def test_an_image_of_any_depth_and_no_images() -> None:
    image = np.zeros((2, 5, 5, 3), np.uint8)
    heat, _ = occlude_images(image, np.array([0, 1]), lambda p: p.reshape(len(p), -1)[:, :2] / 1.0, patch=9, stride=2)
    assert heat.shape == (2, 5, 5)
    nothing, scores = occlude_images(image[:0], np.empty(0, int), lambda p: np.empty((len(p), 2)), patch=1, stride=1)
    assert nothing.shape == (0, 5, 5) and len(scores) == 0


@pytest.mark.parametrize("fill", [0, 255])
def test_the_given_image_is_not_changed(fill: int) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    before = image.copy()
    occlude_images(image, np.array([0]), lambda p: p.reshape(len(p), -1)[:, :1] / 1.0, patch=2, stride=2, fill=fill)
    np.testing.assert_array_equal(image, before)

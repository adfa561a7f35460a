"""Places move with the pixels, whichever way an image gets to the model's size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dbx_dl.contracts import ImageSpec
from dbx_dl.transforms.placement import place_images
from dbx_dl.transforms.resizing import resize_image

SIDES = st.integers(20, 60)


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["fill", "crop", "pad"]), st.floats(0.3, 0.6), st.floats(0.3, 0.6))
def test_a_bright_square_is_where_its_box_is(
    height: int, width: int, to_height: int, to_width: int, resize: str, left: float, top: float
) -> None:
    spec = ImageSpec.model_validate({"height": to_height, "width": to_width, "channels": 1, "resize": resize})
    x, y, size = int(left * width), int(top * height), 5
    pixels = np.zeros((height, width), np.float32)
    pixels[y : y + size, x : x + size] = 1
    found = np.asarray(resize_image(Image.fromarray(pixels), to_height, to_width, spec.resize))
    placement = place_images(np.array([height]), np.array([width]), spec)
    middle_x = placement.scale_x[0] * (x + size / 2) / width + placement.offset_x[0]
    middle_y = placement.scale_y[0] * (y + size / 2) / height + placement.offset_y[0]
    margin = 4 / min(to_height, to_width)
    if not (margin < middle_x < 1 - margin and margin < middle_y < 1 - margin):
        return  # cut by the crop
    columns, rows = np.arange(to_width) + 0.5, np.arange(to_height) + 0.5
    total = found.sum()
    assert abs((found.sum(axis=0) * columns).sum() / total - middle_x * to_width) < 0.75
    assert abs((found.sum(axis=1) * rows).sum() / total - middle_y * to_height) < 0.75


def test_the_corners_of_an_image() -> None:
    spec = ImageSpec(height=10, width=10, channels=1, resize="pad")
    padded = place_images(np.array([5, 10]), np.array([10, 10]), spec)
    np.testing.assert_allclose(padded.scale_y, [0.5, 1])
    np.testing.assert_allclose(padded.offset_y, [0.2, 0])  # 2 rows of black above, 3 below
    cropped = place_images(np.array([5]), np.array([10]), spec.model_copy(update={"resize": "crop"}))
    assert (cropped.scale_x[0], cropped.offset_x[0], cropped.scale_y[0]) == pytest.approx((2, -0.5, 1))

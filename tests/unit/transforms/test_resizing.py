"""Every way to a size gives that size, keeps what it promises to keep, and changes nothing the second time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dbx_dl.contracts import ImageSpec
from dbx_dl.transforms.images import decode_image
from dbx_dl.transforms.resizing import encode_image, resize_image
from tests.image_bytes import encode_pixels, gradient

SIDES = st.integers(1, 40)


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["fit", "fill", "crop", "pad"]))
@settings(max_examples=200, deadline=None)
def test_sizes_and_the_second_time(height: int, width: int, to_height: int, to_width: int, method: str) -> None:
    image = Image.fromarray(gradient(height, width))
    once = resize_image(image, to_height, to_width, method)  # type: ignore[arg-type]
    if method == "fit":
        assert once.width <= to_width and once.height <= to_height
        assert once.width == to_width or once.height == to_height
    else:
        assert once.size == (to_width, to_height)
    twice = resize_image(once, to_height, to_width, method)  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.asarray(twice), np.asarray(once))


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["fill", "crop", "pad"]), st.sampled_from([1, 3]))
@settings(max_examples=100, deadline=None)
def test_what_is_stored_resized_gives_the_models_pixels(
    height: int, width: int, to_height: int, to_width: int, method: str, channels: int
) -> None:
    spec = ImageSpec.model_validate({"height": to_height, "width": to_width, "channels": channels, "resize": method})
    pixels = np.repeat(gradient(height, width)[:, :, None], 3, axis=2)
    for stored_as in {"fill": ["fill"], "crop": ["crop"], "pad": ["pad", "fit"]}[method]:
        image = Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")
        stored = encode_image(resize_image(image, to_height, to_width, stored_as), "png")  # type: ignore[arg-type]
        np.testing.assert_array_equal(decode_image(stored, spec), decode_image(encode_pixels(pixels), spec))


def test_padding_is_black_and_in_equal_parts() -> None:
    padded = np.asarray(resize_image(Image.fromarray(np.full((2, 4), 9, np.uint8)), 8, 4, "pad"))
    np.testing.assert_array_equal(padded[3:5], np.full((2, 4), 9))
    assert padded[:3].max() == padded[5:].max() == 0


def test_cropping_keeps_the_middle() -> None:
    pixels = np.zeros((4, 12), np.uint8)
    pixels[:, 4:8] = 200
    np.testing.assert_array_equal(np.asarray(resize_image(Image.fromarray(pixels), 4, 4, "crop")), np.full((4, 4), 200))


@pytest.mark.parametrize(("encoding", "name"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_encodings(encoding: str, name: str) -> None:
    flat = Image.fromarray(np.full((8, 8, 3), 120, np.uint8))
    decoded = Image.open(io.BytesIO(encode_image(flat, encoding)))  # type: ignore[arg-type]
    assert decoded.format == name
    assert np.abs(np.asarray(decoded, int) - 120).max() <= 1

"""Decoding gives the pixels that were stored, upright and in the asked mode and size, or names what is wrong."""

from __future__ import annotations

import io
import pickle
import random

import numpy as np
import pytest
from PIL import Image, ImageOps

from dbx_dl.contracts import ImageSpec
from dbx_dl.transforms.images import UndecodableImageError, decode_image, measure_channels, open_image
from tests.image_bytes import encode, encode_pixels, gradient, png_header

GREY = gradient(6, 5)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)


def spec(channels: int = 1, height: int = 6, width: int = 5) -> ImageSpec:
    return ImageSpec.model_validate({"height": height, "width": width, "channels": channels})


def test_stored_pixels_come_back() -> None:
    grey, colour = decode_image(encode_pixels(GREY), spec(1)), decode_image(encode_pixels(COLOUR), spec(3))
    assert grey.dtype == colour.dtype == np.uint8
    np.testing.assert_array_equal(grey, GREY[:, :, None])
    np.testing.assert_array_equal(colour, COLOUR)


def test_pixels_are_written_to_a_place_that_is_given_and_to_no_other() -> None:
    places_nhwc = np.zeros((3, 6, 5, 3), np.uint8)
    assert np.shares_memory(decode_image(encode_pixels(COLOUR), spec(3), places_nhwc[1]), places_nhwc)
    np.testing.assert_array_equal(places_nhwc[1], COLOUR)
    with pytest.raises(UndecodableImageError):
        decode_image(b"no image", spec(3), places_nhwc[1])
    np.testing.assert_array_equal(places_nhwc[1], COLOUR)
    assert not places_nhwc[[0, 2]].any()


def test_grey_fills_three_channels_and_colour_becomes_luma() -> None:
    np.testing.assert_array_equal(decode_image(encode_pixels(GREY), spec(3)), np.repeat(GREY[:, :, None], 3, axis=2))
    expected = np.asarray(Image.fromarray(COLOUR).convert("L"))[:, :, None]
    np.testing.assert_array_equal(decode_image(encode_pixels(COLOUR), spec(1)), expected)


def test_transparency_is_dropped_and_palettes_become_colours() -> None:
    transparent = np.dstack([COLOUR, GREY])
    np.testing.assert_array_equal(decode_image(encode_pixels(transparent), spec(3)), COLOUR)
    palette = Image.fromarray(COLOUR).quantize(64)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(decode_image(encode(palette), spec(3)), expected)
    np.testing.assert_array_equal(decode_image(encode(palette, "GIF"), spec(3)), expected)


def test_sixteen_bits_are_scaled_to_eight() -> None:
    deep = (GREY.astype(np.uint16) << 8) + 200
    np.testing.assert_array_equal(decode_image(encode(Image.fromarray(deep)), spec(1))[:, :, 0], GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int) -> None:
    data = encode(Image.fromarray(COLOUR), orientation=orientation)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    height, width = upright.height, upright.width
    assert (height, width) == ((6, 5) if orientation < 5 else (5, 6))
    np.testing.assert_array_equal(decode_image(data, spec(3, height, width)), np.asarray(upright))
    info = open_image(data, max_pixels=100, min_side=1).info
    assert (info.height, info.width) == (height, width)


def test_other_sizes_are_resized() -> None:
    pixels = decode_image(encode_pixels(np.full((40, 30), 77, np.uint8)), spec(1))
    np.testing.assert_array_equal(pixels, np.full((6, 5, 1), 77))


@pytest.mark.parametrize(
    ("image", "image_format", "channels"),
    [
        (Image.fromarray(GREY), "PNG", 1),
        (Image.fromarray(COLOUR), "JPEG", 3),
        (Image.fromarray(np.dstack([COLOUR, GREY])), "PNG", 4),
        (Image.fromarray(COLOUR).quantize(8), "GIF", 3),
        (Image.fromarray(COLOUR), "BMP", 3),
        (Image.fromarray(COLOUR), "WEBP", 3),
        (Image.fromarray(COLOUR), "TIFF", 3),
    ],
)
def test_inspection_describes_the_file(image: Image.Image, image_format: str, channels: int) -> None:
    info = open_image(encode(image, image_format), max_pixels=100, min_side=2).info
    assert (info.format, info.width, info.height, info.channels) == (image_format, 5, 6, channels)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello, this is text", "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
        (encode(Image.new("RGB", (32, 32)), "ICO"), "not_an_image"),
        (encode_pixels(gradient(50, 50))[:200], "truncated"),
        (encode(Image.fromarray(gradient(64, 64)), "JPEG")[:-300], "truncated"),
        (encode_pixels(np.zeros((1, 1), np.uint8)), "too_small"),
        (encode_pixels(np.zeros((1, 50), np.uint8)), "too_small"),
        (encode_pixels(np.zeros((101, 101), np.uint8)), "too_large"),
        (png_header(100_000, 100_000), "too_large"),
        (png_header(5_000, 5_000), "too_large"),
        (png_header(90, 90), "truncated"),
        (encode(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "unsupported_pixels"),
    ],
)
def test_unusable_bytes_are_named(data: bytes, code: str) -> None:
    with pytest.raises(UndecodableImageError) as raised:
        open_image(data, max_pixels=10_000, min_side=2)
    assert raised.value.code == code
    assert raised.value.detail
    assert "\n" not in str(raised.value)


def test_decoding_refuses_what_inspection_refuses() -> None:
    limited = spec().model_copy(update={"max_pixels": 29})
    for data in (b"", b"text", encode_pixels(GREY)[:50], encode_pixels(GREY)):
        with pytest.raises(UndecodableImageError):
            decode_image(data, limited)


def test_damaged_bytes_never_raise_anything_else() -> None:
    random_bytes = random.Random(5)
    originals = [encode_pixels(gradient(9, 9)), encode(Image.fromarray(np.tile(COLOUR, (3, 3, 1))), "JPEG")]
    outcomes = set()
    for original in originals:
        for _ in range(300):
            data = bytearray(original[: random_bytes.randint(1, len(original))])
            for _ in range(random_bytes.randint(0, 3)):
                data[random_bytes.randrange(len(data))] ^= 1 << random_bytes.randrange(8)
            try:
                pixels = decode_image(bytes(data), spec(3))
                assert pixels.shape == (6, 5, 3)
                outcomes.add("decoded")
            except UndecodableImageError as error:
                outcomes.add(error.code)
    assert {"decoded", "not_an_image", "truncated"} <= outcomes


def test_a_cut_file_is_refused_or_loses_no_pixel() -> None:
    data, outcomes = encode_pixels(GREY), set()
    for length in range(1, len(data)):
        try:
            np.testing.assert_array_equal(decode_image(data[:length], spec(1))[:, :, 0], GREY)
            outcomes.add("decoded")
        except UndecodableImageError as error:
            outcomes.add(error.code)
    assert outcomes == {"not_an_image", "truncated", "decoded"}


def test_damaged_orientation_does_not_cost_the_image() -> None:
    data = encode(Image.fromarray(COLOUR), "JPEG", orientation=6)
    place = data.index(b"Exif\0\0") + 6
    damaged = data[:place] + b"\xff" * 8 + data[place + 8 :]
    assert decode_image(damaged, spec(3)).shape == (6, 5, 3)
    assert (open_image(damaged, 100, 1).info.height, open_image(data, 100, 1).info.height) == (6, 5)


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(UndecodableImageError("empty", "no bytes")))  # noqa: S301
    assert (error.code, error.detail, str(error)) == ("empty", "no bytes", "empty: no bytes")


def test_decoding_refuses_what_checking_refused() -> None:
    data = encode_pixels(np.zeros((1, 50), np.uint8))
    assert decode_image(data, ImageSpec(height=4, width=4, channels=1, min_side=1)).shape == (4, 4, 1)
    with pytest.raises(UndecodableImageError, match="too_small"):
        decode_image(data, ImageSpec(height=4, width=4, channels=1, min_side=2))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_are_measured_exactly(channels: int) -> None:
    shape = (37, 51, 3) if channels == 3 else (37, 51)
    pixels = np.random.default_rng(channels).integers(0, 256, shape, dtype=np.uint8)
    means, deviations = measure_channels(Image.fromarray(pixels))
    flat = pixels.reshape(-1, channels).astype(np.float64)
    np.testing.assert_allclose(means, flat.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(deviations, flat.std(axis=0), rtol=1e-13)


def test_one_level_has_no_deviation() -> None:
    assert measure_channels(Image.new("RGB", (3, 2), (0, 7, 255))) == ([0.0, 7.0, 255.0], [0.0, 0.0, 0.0])

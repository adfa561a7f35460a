"""Plain PNG files get the pixels, and the refusals, that Pillow's own way gives."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from dbx_dl.contracts import ImageSpec
from dbx_dl.transforms import images
from dbx_dl.transforms.images import UndecodableImageError, decode_image
from dbx_dl.transforms.plain_png import decode_plain_png

SIDE = 28
GREY, COLOUR = ImageSpec(height=SIDE, width=SIDE, channels=1), ImageSpec(height=SIDE, width=SIDE, channels=3)


def encode(mode: str, kind: str = "PNG", side: int = SIDE, **options: Any) -> bytes:
    rng = np.random.default_rng(side)
    smooth = np.add.outer(np.arange(side), np.arange(side))[..., None] * np.array([3, 5, 7, 1])
    noise = rng.integers(0, 40, (side, side, 4))
    picture = Image.fromarray((smooth + noise).astype(np.uint8), "RGBA")
    image = Image.fromarray(np.asarray(picture)[..., 0].astype(np.uint16) * 251) if mode == "I;16" else None
    buffer = io.BytesIO()
    (image or picture.convert("RGB").convert(mode)).save(buffer, kind, **options)
    return buffer.getvalue()


def by_pillow(data: bytes, spec: ImageSpec) -> np.ndarray | str:
    """What the way of all other files gives: pixels, or the code of the refusal."""
    try:
        loaded = images._load_image(data, spec.max_pixels, spec.min_side)[1]
    except UndecodableImageError as error:
        return error.code
    return np.asarray(images.to_model_image(loaded, spec)).reshape(SIDE, SIDE, spec.channels)


def by_us(data: bytes, spec: ImageSpec) -> np.ndarray | str:
    try:
        return decode_image(data, spec)
    except UndecodableImageError as error:
        return error.code


def mixed_info() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (45455).to_bytes(4))
    info.add(b"sRGB", b"\0")
    return info


@pytest.mark.parametrize("spec", [GREY, COLOUR])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pixels_are_those_of_pillow(mode: str, spec: ImageSpec) -> None:
    for options in ({}, {"dpi": (72, 72)}, {"pnginfo": mixed_info()}, {"compress_level": 0}, {"optimize": True}):
        data = encode(mode, **options)
        np.testing.assert_array_equal(by_us(data, spec), by_pillow(data, spec))
    for side in (20, 40):
        np.testing.assert_array_equal(by_us(encode(mode, side=side), spec), by_pillow(encode(mode, side=side), spec))


def test_plain_files_go_the_short_way_and_others_do_not() -> None:
    out = np.zeros((SIDE, SIDE, 1), np.uint8)
    plain = (encode("L"), encode("L", dpi=(72, 72)), encode("L", pnginfo=mixed_info()))
    assert all(decode_plain_png(data, out) for data in plain), "or the short way is of no use with this Pillow"
    assert decode_plain_png(encode("RGB"), np.zeros((SIDE, SIDE, 3), np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    out[...] = 7
    others = [encode("L", exif=turned), encode("L", "JPEG"), encode("LA"), encode("RGB"), encode("L", side=20), b""]
    assert not any(decode_plain_png(data, out) for data in others) and (out == 7).all()
    np.testing.assert_array_equal(decode_image(others[0], GREY), by_pillow(others[0], GREY))


def test_damaged_files_are_refused_or_read_as_by_pillow() -> None:
    data = bytearray(encode("L"))
    rng = np.random.default_rng(0)
    damaged = [bytes(data[:end]) for end in range(0, len(data), 11)]
    for place in range(len(data)):
        for bit in rng.integers(0, 8, 2):
            data[place] ^= 1 << int(bit)
            damaged.append(bytes(data))
            data[place] ^= 1 << int(bit)
    for each in damaged:
        expected, found = by_pillow(each, GREY), by_us(each, GREY)
        assert type(found) is type(expected)
        np.testing.assert_array_equal(found, expected)


def test_sizes_are_limited_as_by_pillow() -> None:
    few, large = GREY.model_copy(update={"max_pixels": 100}), GREY.model_copy(update={"min_side": 29})
    assert by_us(encode("L"), few) == by_pillow(encode("L"), few) == "too_large"
    assert by_us(encode("L"), large) == by_pillow(encode("L"), large) == "too_small"

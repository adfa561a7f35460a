"""Encoded images, good and broken, for tests."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

ORIENTATION_TAG = 0x0112


def encode(image: Image.Image, image_format: str = "PNG", orientation: int | None = None) -> bytes:
    """Bytes of an image, with an EXIF orientation where one is given."""
    options = {}
    if orientation is not None:
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = orientation
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, format=image_format, **options)
    return buffer.getvalue()


def encode_pixels(pixels: np.ndarray) -> bytes:
    """PNG bytes of uint8 (H, W) or (H, W, C) pixels."""
    return encode(Image.fromarray(pixels))


def gradient(height: int, width: int) -> np.ndarray:
    """Pixels uint8 (height, width) in which no two rows or columns are alike."""
    return ((np.arange(height)[:, None] * 31 + np.arange(width)[None, :] * 7) % 256).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises width x height grey pixels and holds a few bytes of them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0" * 100))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

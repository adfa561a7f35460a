"""Small plain PNG files through Pillow's own decoder, without its file layer, which takes most of their time."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_HEADER = struct.Struct(">IIBBBBBI")
_HEADER_END = 33
_CHUNK = struct.Struct(">I4s")
# Colour type of a PNG of 8 bits -> its channels, and Pillow's mode of these.
_CHANNELS = {0: 1, 2: 3}
_MODES = {1: "L", 3: "RGB"}
# Chunks that change no pixel, by length; what else there may be, such as EXIF, is Pillow's to read.
_SILENT = {b"gAMA": 4, b"sRGB": 1, b"pHYs": 9, b"cHRM": 32}
# Pillow hands its decoder so many bytes at once: one call here is one call there, with the same verdict on the data.
_BLOCK_BYTES = 65536


def decode_plain_png(data: bytes, out: np.ndarray) -> bool:
    """Write the pixels uint8 (H, W, 1 or 3) of a grey or RGB file of that very size to `out`, as Pillow gives them.

    False, with `out` as it was, for every other file and for damaged ones: these are Pillow's to decode or to refuse.
    """
    try:
        found = _find_pixels(data, out.shape)
        pixels = None if found is None else _decode(found, out.shape)
    except Exception:  # a version of Pillow that is made differently inside: nothing but time is lost
        return False
    if pixels is None:
        return False
    out[...] = pixels
    return True


def _find_pixels(data: bytes, shape: tuple[int, ...]) -> bytes | None:
    """The compressed pixels of a plain file of this shape (H, W, C)."""
    if not data.startswith(_START) or not data.endswith(_END) or len(data) < _HEADER_END:
        return None
    width, height, bits, colour, packing, filtering, interlacing, check = _HEADER.unpack_from(data, len(_START))
    is_plain = bits == 8 and not (packing or filtering or interlacing)
    if not is_plain or (height, width, _CHANNELS.get(colour)) != shape:
        return None
    if zlib.crc32(data[12 : _HEADER_END - 4]) != check:
        return None
    start = _HEADER_END
    length, name = _CHUNK.unpack_from(data, start)
    while _SILENT.get(name) == length:
        stop = start + 12 + length
        if zlib.crc32(data[start + 4 : stop - 4]) != int.from_bytes(data[stop - 4 : stop]):
            return None
        start = stop
        length, name = _CHUNK.unpack_from(data, start)
    is_all = name == b"IDAT" and 0 < length <= _BLOCK_BYTES and start + 12 + length + len(_END) == len(data)
    return data[start + 8 : start + 8 + length] if is_all else None


def _decode(packed: bytes, shape: tuple[int, ...]) -> np.ndarray | None:
    import numpy as np
    from PIL import _imaging as pillow

    height, width, channels = shape
    mode, num_bytes = _MODES[channels], height * width * channels
    image = pillow.new(mode, (width, height))
    decoder = pillow.zip_decoder(mode, mode)
    try:
        decoder.setimage(image, (0, 0, width, height))
        num_used, code = decoder.decode(packed)
    finally:
        decoder.cleanup()
    if num_used >= 0 or code < 0:  # it waits for more, or found damage
        return None
    encoder = pillow.raw_encoder(mode, mode)
    encoder.setimage(image, (0, 0, width, height))
    _, code, pixels = encoder.encode(num_bytes)
    if code < 0 or len(pixels) != num_bytes:
        return None
    return np.frombuffer(pixels, np.uint8).reshape(shape)

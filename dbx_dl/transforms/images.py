"""Encoded image bytes become uint8 pixels; whatever cannot be decoded is named by a short code and a detail."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from dbx_dl.transforms.plain_png import decode_plain_png
from dbx_dl.transforms.resizing import resize_image
from dbx_dl.transforms.undecodable import UndecodableError, one_line

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from dbx_dl.contracts import ImageSpec

# An allow-list: other decoders of Pillow start programs (EPS) or hold several images of different sizes (ICO).
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
# EXIF tag 274 -> the member of PIL.Image.Transpose that turns the stored pixels upright.
UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


class UndecodableImageError(UndecodableError):
    """Bytes that are no usable image.

    `code` is one of empty, not_an_image, too_small, too_large, truncated, corrupt, unsupported_pixels.
    """


@dataclass(frozen=True)
class ImageInfo:
    """What a file holds: sizes in pixels as seen upright, channels as stored (a palette counts as 3)."""

    format: str
    width: int
    height: int
    channels: int


@dataclass(frozen=True)
class OpenedImage:
    """A completely decoded image: what the file holds, and its pixels upright, in the mode of the file."""

    info: ImageInfo
    upright: Image


def open_image(data: bytes, max_pixels: int, min_side: int) -> OpenedImage:
    """Decode the image completely; UndecodableImageError says why it is not usable.

    An image of more than `max_pixels` pixels, or with a side below `min_side`, is refused before its pixels are read.
    """
    stored, upright = _load_image(data, max_pixels, min_side)
    channels = 3 if stored.mode.startswith("P") else len(stored.getbands())
    return OpenedImage(ImageInfo(stored.format or "", upright.width, upright.height, channels), upright)


def decode_image(data: bytes, spec: ImageSpec, out: np.ndarray | None = None) -> np.ndarray:
    """Pixels uint8 (spec.height, spec.width, spec.channels) of an encoded image; UndecodableImageError if unusable.

    They are written to `out`, of that shape, if given, which spares a copy and stays as it was with unusable images.
    Applied in this order: EXIF orientation; conversion to grey or RGB (transparency is dropped, 16-bit grey is scaled
    to 8 bits, of an animation the first frame counts); where the size differs, a bilinear resize by `spec.resize`.
    """
    import numpy as np

    pixels_hwc = np.empty((spec.height, spec.width, spec.channels), np.uint8) if out is None else out
    is_within = spec.height * spec.width <= spec.max_pixels and min(spec.height, spec.width) >= spec.min_side
    if is_within and decode_plain_png(data, pixels_hwc):
        return pixels_hwc
    image = to_model_image(_load_image(data, spec.max_pixels, spec.min_side)[1], spec)
    pixels_hwc[...] = np.asarray(image, dtype=np.uint8).reshape(pixels_hwc.shape)
    return pixels_hwc


def to_model_image(upright: Image, spec: ImageSpec) -> Image:
    """An opened image, grey or RGB, at the model's size."""
    return resize_image(convert_mode(upright, spec.channels), spec.height, spec.width, spec.resize)


def measure_channels(image: Image) -> tuple[list[float], list[float]]:
    """Mean and population deviation of every channel of a grey or RGB image, in units of its 256 levels.

    From the histogram: sums of integers, which are exact and cost a tenth of NumPy's means.
    """
    import numpy as np

    levels = np.arange(256)
    counts = np.array(image.histogram(), dtype=np.int64).reshape(-1, 256)
    num_pixels, sums, squares = image.width * image.height, counts @ levels, counts @ levels**2
    deviations = [math.sqrt(num_pixels * int(q) - int(s) ** 2) / num_pixels for s, q in zip(sums, squares, strict=True)]
    return [int(s) / num_pixels for s in sums], deviations


def _load_image(data: bytes, max_pixels: int, min_side: int) -> tuple[Image, Image]:
    """The image as stored and upright, every pixel decoded."""
    if not data:
        raise UndecodableImageError("empty", "the file has no bytes")
    image = _open_image(data)
    width, height = image.size
    if width * height > max_pixels:
        raise UndecodableImageError("too_large", f"{width}x{height} pixels, the limit is {max_pixels} in all")
    if min(width, height) < min_side:
        raise UndecodableImageError("too_small", f"{width}x{height} pixels, each side needs {min_side}")
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        _refuse_pixels(error)
    if image.mode in ("I", "F"):
        raise UndecodableImageError("unsupported_pixels", f"32-bit pixels (mode {image.mode}) have no known range")
    return image, _turn_upright(image)


def _open_image(data: bytes) -> Image:
    """Read the header only."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UndecodableImageError("too_large", one_line(error)) from None
    except MemoryError:
        raise
    except Exception:
        detail = f"no readable {', '.join(FORMATS)} header (first bytes {data[:12]!r})"
        raise UndecodableImageError("not_an_image", detail) from None


def _refuse_pixels(error: Exception) -> NoReturn:
    detail = one_line(error)
    is_truncated = "truncated" in detail.lower() or isinstance(error, EOFError)
    raise UndecodableImageError("truncated" if is_truncated else "corrupt", detail) from None


def _turn_upright(image: Image) -> Image:
    from PIL import Image as images

    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # damaged metadata around good pixels: the image counts as upright
        return image
    method = UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image.transpose(images.Transpose[method]) if method else image


def convert_mode(image: Image, channels: int) -> Image:
    """Grey or RGB, 8 bits a channel."""
    from PIL import Image as images

    if image.mode.startswith("I;16"):
        import numpy as np

        image = images.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)

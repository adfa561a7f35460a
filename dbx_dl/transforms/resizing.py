"""Images brought to a size and encoded again; doing it twice gives the pixels of doing it once."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

Resize = Literal["fit", "fill", "crop", "pad"]
Encoding = Literal["png", "jpeg"]
JPEG_QUALITY = 95


def resize_image(image: Image, height: int, width: int, method: Resize) -> Image:
    """The image bilinearly resized; unchanged where it has the size already.

    `fill` stretches it to height x width. `fit` keeps the aspect ratio and ends within height x width, touching it on
    two sides at least; `pad` puts that into the middle of black pixels. `crop` keeps the aspect ratio, covers height x
    width and cuts off equally on both sides what hangs over.
    """
    if image.size == (width, height):
        return image
    if method == "crop":
        return _cover(image, height, width)
    if method == "fill":
        return _scale(image, height, width)
    fitted = _fit(image, height, width)
    return fitted if method == "fit" else _pad(fitted, height, width)


def encode_image(image: Image, encoding: Encoding) -> bytes:
    """The image's file: PNG is lossless, JPEG has quality 95 and full colour resolution."""
    buffer = io.BytesIO()
    if encoding == "png":
        image.save(buffer, format="PNG")
    else:
        image.save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _scale(image: Image, height: int, width: int) -> Image:
    from PIL import Image as images

    return image.resize((width, height), images.Resampling.BILINEAR)


def _fit(image: Image, height: int, width: int) -> Image:
    scale = min(width / image.width, height / image.height)
    fitted_width = min(width, max(1, round(image.width * scale)))
    fitted_height = min(height, max(1, round(image.height * scale)))
    if image.size == (fitted_width, fitted_height):
        return image
    return _scale(image, fitted_height, fitted_width)


def _pad(image: Image, height: int, width: int) -> Image:
    from PIL import Image as images

    if image.size == (width, height):
        return image
    canvas = images.new(image.mode, (width, height))
    canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return canvas


def _cover(image: Image, height: int, width: int) -> Image:
    from PIL import Image as images
    from PIL import ImageOps

    return ImageOps.fit(image, (width, height), images.Resampling.BILINEAR)

"""What images look like, in numbers: brightness, contrast, sharpness, and a hash that similar images share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.transforms.images import open_image, to_model_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from dbx_dl.contracts import ImageSpec

_HASH_SIDE = 8
_SHARP_SIDE = 128


@dataclass(frozen=True)
class ImageMeasures:
    """Brightness and contrast in 256 levels, sharpness in squared levels, width and height of the file upright.

    `format` is the file's, `size_bytes` its size. `hash` is the difference hash of 64 bits, signed.
    """

    brightness: float
    contrast: float
    sharpness: float
    width: int
    height: int
    size_bytes: int
    format: str
    hash: int


def measure_image(data: bytes, spec: ImageSpec) -> ImageMeasures:
    """Measures of an encoded image; brightness, contrast and sharpness of its pixels as a model gets them.

    UndecodableImageError where it is unusable.
    """
    import numpy as np

    opened = open_image(data, spec.max_pixels, spec.min_side)
    image = to_model_image(opened.upright, spec)
    pixels = np.asarray(image, np.float64).reshape(spec.height, spec.width, -1)
    return ImageMeasures(
        brightness=float(pixels.mean()),
        contrast=float(pixels.std(axis=(0, 1)).mean()),
        sharpness=measure_sharpness(image),
        width=opened.info.width,
        height=opened.info.height,
        size_bytes=len(data),
        format=opened.info.format,
        hash=hash_image(image),
    )


def measure_pixels(pixels_hwc: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Brightness, contrast and sharpness of pixels (H, W, C), as `ImageMeasures` has them."""
    import numpy as np
    from PIL import Image

    pixels = pixels_hwc.astype(np.float64)
    image = Image.fromarray(pixels_hwc[:, :, 0] if pixels_hwc.shape[2] == 1 else pixels_hwc)
    return float(pixels.mean()), float(pixels.std(axis=(0, 1)).mean()), measure_sharpness(image)


def measure_sharpness(image: Image) -> float:
    """The variance of the Laplacian of grey levels, in squared levels; 0 for images below 3 x 3 pixels.

    Of the middle 128 x 128 pixels, so that it costs little beside decoding a large image. Pech-Pacheco et al. 2000,
    "Diatom autofocusing in brightfield microscopy".
    """
    import numpy as np

    left, top = max(0, image.width - _SHARP_SIDE) // 2, max(0, image.height - _SHARP_SIDE) // 2
    box = (left, top, min(image.width, left + _SHARP_SIDE), min(image.height, top + _SHARP_SIDE))
    grey = np.asarray(image.crop(box).convert("L"), np.int16)
    if min(grey.shape) < 3:
        return 0.0
    center = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * center
    return float(laplacian.var(dtype=np.float64))


def hash_image(image: Image) -> int:
    """The difference hash as a signed number of 64 bits: where 8 x 9 grey cells get brighter.

    Krawetz 2013, "Kind of Like That"; images that differ in size, in compression or a little in light share it mostly.
    """
    import numpy as np
    from PIL import Image as images

    small = image.convert("L").resize((_HASH_SIDE + 1, _HASH_SIDE), images.Resampling.BILINEAR)
    grey = np.asarray(small, np.int16)
    bits: np.ndarray = np.packbits(grey[:, 1:] > grey[:, :-1])
    return int(bits.view(">i8")[0])

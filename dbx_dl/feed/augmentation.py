"""Changes training images at random, the same for a row and epoch whichever rank, batch or thread it comes in."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.config.feed import AugmentConfig
from dbx_dl.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import PreparedTable

_LEFT_RIGHT, _TOP_BOTTOM, _SHIFT_Y, _SHIFT_X, _AREA, _CROP_Y, _CROP_X, _ANGLE, _BRIGHTNESS = range(9)
_ERASES, _ERASE_AREA, _ERASE_RATIO, _ERASE_Y, _ERASE_X = range(9, 14)
_NUM_DRAWS = 14
# Changes that move pixels and not what labels say of places.
_MOVING = ("shift", "crop", "rotate")
ERASED_AREA = (0.02, 0.33)
ERASED_RATIO = (0.3, 1 / 0.3)


def check_augment(prepared: PreparedTable, config: AugmentConfig) -> None:
    """ConfigError when changes of images are asked for where there are none, or would move what labels are about."""
    if config.is_active and prepared.inputs.kind != "images":
        raise ConfigError("feed.augment changes images, but the table has none: remove it")
    moved = [name for name in _MOVING if getattr(config, name) != getattr(AugmentConfig(), name)]
    if moved and prepared.target.grid is not None:
        raise ConfigError(
            f"feed.augment.{moved[0]} would move images away from their {prepared.target.task}: only flip, "
            "brightness and erase go with labels that have a place"
        )


# What a row's label becomes with left and right, and with top and bottom exchanged.
FlipLabel = Callable[["NDArray[np.generic]", bool, bool], "NDArray[np.generic]"]


class Augmentation:
    """The changes of one epoch, in the order of `AugmentConfig`; what a row gets depends on seed, epoch and its key."""

    def __init__(self, config: AugmentConfig, seed: int, epoch: int, flip_label: FlipLabel | None = None) -> None:
        self._config = config
        self._flip_label = flip_label
        self._salt = seed.to_bytes(16, "little", signed=True) + epoch.to_bytes(8, "little", signed=True)

    def apply(
        self,
        pixels_nhwc: NDArray[np.uint8],
        keys: Sequence[str],
        is_row: NDArray[np.bool_],
        labels: NDArray[np.generic] | None = None,
    ) -> None:
        """Change, in place, those of the uint8 (N, H, W, C) images that are rows, and labels (N, …) with places."""
        for place in np.flatnonzero(is_row).tolist():
            pixels_nhwc[place] = self.change(pixels_nhwc[place], keys[place])
            if self._flip_label is not None and labels is not None:
                labels[place] = self._flip_label(labels[place], *self._choose_mirrors(self._draw(keys[place])))

    def change(self, pixels_hwc: NDArray[np.uint8], key: str) -> NDArray[np.uint8]:
        """The changed image of a row."""
        config, draws = self._config, self._draw(key)
        pixels_hwc = flip(pixels_hwc, *self._choose_mirrors(draws))
        if config.shift:
            spread = 2 * config.shift
            pixels_hwc = shift(pixels_hwc, spread * (draws[_SHIFT_Y] - 0.5), spread * (draws[_SHIFT_X] - 0.5))
        if config.crop < 1:
            area = config.crop + (1 - config.crop) * draws[_AREA]
            pixels_hwc = crop(pixels_hwc, area, draws[_CROP_Y], draws[_CROP_X])
        if config.rotate:
            pixels_hwc = rotate(pixels_hwc, config.rotate * (2 * draws[_ANGLE] - 1))
        if config.brightness:
            pixels_hwc = brighten(pixels_hwc, 1 + config.brightness * (2 * draws[_BRIGHTNESS] - 1))
        if draws[_ERASES] < config.erase:
            pixels_hwc = erase(pixels_hwc, *draws[_ERASE_AREA:])
        return pixels_hwc

    def _choose_mirrors(self, draws: Sequence[float]) -> tuple[bool, bool]:
        kind = self._config.flip
        is_mirrored = kind in ("horizontal", "both") and draws[_LEFT_RIGHT] < 0.5
        is_upended = kind in ("vertical", "both") and draws[_TOP_BOTTOM] < 0.5
        return is_mirrored, is_upended

    def _draw(self, key: str) -> list[float]:
        """Numbers in [0, 1) of seed, epoch and key; one hash is much cheaper than a generator per row."""
        digest = hashlib.blake2b(key.encode(), digest_size=4 * _NUM_DRAWS, key=self._salt).digest()
        draws: list[float] = (np.frombuffer(digest, "<u4") / 2**32).tolist()
        return draws


def flip(pixels_hwc: NDArray[np.uint8], is_mirrored: bool, is_upended: bool) -> NDArray[np.uint8]:
    """The image with left and right, and with top and bottom exchanged."""
    rows, columns = (slice(None, None, -1 if is_flipped else 1) for is_flipped in (is_upended, is_mirrored))
    return pixels_hwc[rows, columns]


def shift(pixels_hwc: NDArray[np.uint8], share_y: float, share_x: float) -> NDArray[np.uint8]:
    """The image moved down and to the right by shares (-1 to 1) of its height and width; black moves in."""
    height, width = pixels_hwc.shape[:2]
    down, right = round(share_y * height), round(share_x * width)
    moved = np.zeros_like(pixels_hwc)
    target = moved[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
    target[...] = pixels_hwc[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    return moved


def crop(pixels_hwc: NDArray[np.uint8], area: float, place_y: float, place_x: float) -> NDArray[np.uint8]:
    """A part of this share of the area and of the image's aspect, at a place (0 to 1), stretched bilinearly."""
    height, width = pixels_hwc.shape[:2]
    side = math.sqrt(area)
    top, left = place_y * (1 - side) * height, place_x * (1 - side) * width
    return _transform(pixels_hwc, (side, 0.0, left, 0.0, side, top))


def rotate(pixels_hwc: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """The image turned counter-clockwise about its middle, bilinearly; black moves in."""
    height, width = pixels_hwc.shape[:2]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle_x, middle_y = width / 2, height / 2
    across = (cosine, -sine, middle_x - cosine * middle_x + sine * middle_y)
    down = (sine, cosine, middle_y - sine * middle_x - cosine * middle_y)
    return _transform(pixels_hwc, across + down)


def brighten(pixels_hwc: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """The pixels multiplied, and cut off at 255."""
    table: NDArray[np.uint8] = np.minimum((np.arange(256) * factor).round(), 255).astype(np.uint8)
    return table[pixels_hwc]


def erase(
    pixels_hwc: NDArray[np.uint8], area: float, ratio: float, place_y: float, place_x: float
) -> NDArray[np.uint8]:
    """The image with a rectangle set to its mean per channel; all numbers are from 0 to 1, within the bounds above."""
    height, width = pixels_hwc.shape[:2]
    size = (ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * area) * height * width
    aspect = math.exp(math.log(ERASED_RATIO[0]) + (math.log(ERASED_RATIO[1]) - math.log(ERASED_RATIO[0])) * ratio)
    rows = min(height, max(1, round(math.sqrt(size * aspect))))
    columns = min(width, max(1, round(math.sqrt(size / aspect))))
    top, left = int(place_y * (height - rows + 1)), int(place_x * (width - columns + 1))
    erased = pixels_hwc.copy()
    erased[top : top + rows, left : left + columns] = pixels_hwc.mean(axis=(0, 1)).round().astype(np.uint8)
    return erased


def _transform(pixels_hwc: NDArray[np.uint8], matrix: tuple[float, ...]) -> NDArray[np.uint8]:
    """Pillow's affine transform: output (x, y) is taken from (a x + b y + c, d x + e y + f)."""
    from PIL import Image

    height, width, channels = pixels_hwc.shape
    pixels = pixels_hwc[..., 0] if channels == 1 else pixels_hwc
    image = Image.fromarray(np.ascontiguousarray(pixels))
    changed = image.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(changed, dtype=np.uint8).reshape(height, width, channels)

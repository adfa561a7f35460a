"""Where a place in an image lies once the image is at the model's size: places move as `transforms.resizing` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import ImageSpec


@dataclass(frozen=True)
class Placement:
    """share of the model's side = scale x share of the image's side + offset, float64 (N,) each of N images.

    Outside of 0 to 1 a place is cut off.
    """

    scale_x: NDArray[np.float64]
    offset_x: NDArray[np.float64]
    scale_y: NDArray[np.float64]
    offset_y: NDArray[np.float64]


def place_images(heights_n: NDArray[np.integer], widths_n: NDArray[np.integer], spec: ImageSpec) -> Placement:
    """The placements of images of these sizes in pixels."""
    heights, widths = heights_n.astype(np.float64), widths_n.astype(np.float64)
    shown_h, shown_w = np.full_like(heights, spec.height), np.full_like(widths, spec.width)
    shift_y, shift_x = np.zeros_like(heights), np.zeros_like(widths)
    if spec.resize == "pad":
        scale = np.minimum(spec.width / widths, spec.height / heights)
        shown_h, shown_w = _fit(heights * scale, spec.height), _fit(widths * scale, spec.width)
        shift_y, shift_x = (spec.height - shown_h) // 2, (spec.width - shown_w) // 2
    elif spec.resize == "crop":
        scale = np.maximum(spec.width / widths, spec.height / heights)
        shown_h, shown_w = heights * scale, widths * scale
        shift_y, shift_x = (spec.height - shown_h) / 2, (spec.width - shown_w) / 2
    return Placement(shown_w / spec.width, shift_x / spec.width, shown_h / spec.height, shift_y / spec.height)


def _fit(sides: NDArray[np.float64], limit: int) -> NDArray[np.float64]:
    return np.minimum(limit, np.maximum(1, np.rint(sides)))

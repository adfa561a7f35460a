"""Occlusion of images: how much lower a score is when a patch of the image is covered.

After Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
# Covered copies of an image that lie in memory at once.
_MAX_COPY_BYTES = 16 * 2**20


def occlude_images(
    pixels_nhwc: Pixels,
    places: NDArray[np.integer],
    predict: Callable[[Pixels], Floats],
    *,
    patch: int,
    stride: int,
    fill: int = 127,
) -> tuple[Floats, Floats]:
    """Heat maps (N, H, W) of images uint8 (N, H, W, C), and the scores (N,) that they explain.

    `places` (N,) are the columns of `predict`'s scores (M, K) that are explained. A square of `patch` pixels is covered
    with `fill`, `stride` pixels apart, up to every edge; a pixel's heat is the mean of score(image) - score(covered)
    over the patches that hold it, so that it is positive where the image speaks for what is predicted. A patch larger
    than the image covers all of it.
    """
    scores = predict(pixels_nhwc)[np.arange(len(places)), places]
    maps = [
        _occlude(image, int(place), float(score), predict, patch, stride, fill)
        for image, place, score in zip(pixels_nhwc, places, scores, strict=True)
    ]
    return np.stack(maps) if maps else np.empty(pixels_nhwc.shape[:3]), scores


def list_corners(height: int, width: int, patch: int, stride: int) -> list[tuple[int, int]]:
    """The upper left corners of the patches: `stride` apart, and the last ones at the edges."""
    tops, lefts = (_list_starts(side, patch, stride) for side in (height, width))
    return [(top, left) for top in tops for left in lefts]


def _list_starts(side: int, patch: int, stride: int) -> list[int]:
    last = max(0, side - patch)
    return sorted({*range(0, last + 1, stride), last})


def _occlude(
    image_hwc: Pixels, place: int, score: float, predict: Callable[[Pixels], Floats], patch: int, stride: int, fill: int
) -> Floats:
    height, width = image_hwc.shape[:2]
    drops, covers = np.zeros((height, width)), np.zeros((height, width))
    corners = list_corners(height, width, patch, stride)
    for some in _cut(corners, max(1, _MAX_COPY_BYTES // image_hwc.nbytes)):
        copies = np.repeat(image_hwc[None], len(some), axis=0)
        for copy, (top, left) in zip(copies, some, strict=True):
            copy[top : top + patch, left : left + patch] = fill
        for drop, (top, left) in zip(score - predict(copies)[:, place], some, strict=True):
            drops[top : top + patch, left : left + patch] += drop
            covers[top : top + patch, left : left + patch] += 1
    # Where patches are further apart than they are wide, nothing is known of what lies between.
    return np.divide(drops, covers, out=np.zeros_like(drops), where=covers > 0)


def _cut(values: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]

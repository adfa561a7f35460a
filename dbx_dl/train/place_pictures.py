"""Images with what was found in them: boxes drawn around objects, or pixels in the colour of their label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.tasks import LabelKind

# So many labels have colours of their own.
COLORS = ((230, 60, 50), (60, 130, 240), (40, 170, 90), (240, 170, 30), (160, 80, 200), (20, 190, 200))
LEAST_SHOWN = 0.3
_SIDE = 128


def draw_places(
    images: list[NDArray[np.uint8]], labels: NDArray[Any], predictions: NDArray[Any], kind: LabelKind
) -> dict[str, list[NDArray[np.uint8]]]:
    """Images uint8 (H, W, C) with the true places and with those that were found, larger, in rows of these names.

    Labels and predictions are boxes (N, M, 5) and candidates (N, B, 5 + C) as in `metrics.boxes`, of which boxes from
    LEAST_SHOWN on are shown, or masks (N, H, W).
    """
    if kind == "mask":
        masks = {"true": labels, "found": predictions}
        return {name: [_paint(*pair) for pair in zip(images, rows, strict=True)] for name, rows in masks.items()}
    true = [[box for box in boxes if (box[3:] > 0).all()] for boxes in labels]
    boxes = {"true": true, "found": _list_found(predictions)}
    return {name: [_frame(*pair) for pair in zip(images, rows, strict=True)] for name, rows in boxes.items()}


def _list_found(predictions: NDArray[Any]) -> list[list[NDArray[Any]]]:
    from dbx_dl.metrics.boxes import keep_boxes

    kept = keep_boxes(predictions)
    boxes = np.concatenate([kept.labels[:, None], kept.boxes], axis=1)
    is_shown = kept.probabilities >= LEAST_SHOWN
    return [list(boxes[is_shown & (kept.rows == row)]) for row in range(len(predictions))]


def _frame(pixels_hwc: NDArray[np.uint8], boxes: list[NDArray[Any]]) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    image = Image.fromarray(_enlarge(pixels_hwc))
    draw = ImageDraw.Draw(image)
    for label, x, y, width, height in boxes:
        corners = (x * image.width, y * image.height, (x + width) * image.width, (y + height) * image.height)
        draw.rectangle(tuple(float(corner) for corner in corners), outline=COLORS[int(label) % len(COLORS)], width=2)
    return np.asarray(image)


def _paint(pixels_hwc: NDArray[np.uint8], mask_hw: NDArray[Any]) -> NDArray[np.uint8]:
    colors = np.array([(0, 0, 0), *COLORS], np.float64)
    numbers = mask_hw.astype(np.int64)
    numbers = np.where(numbers > 0, 1 + (numbers - 1) % len(COLORS), 0)
    grey = np.broadcast_to(pixels_hwc, (*pixels_hwc.shape[:2], 3)).astype(np.float64)
    mixed = np.where(numbers[..., None] > 0, 0.4 * grey + 0.6 * colors[numbers], grey)
    return _enlarge(mixed.astype(np.uint8))


def _enlarge(pixels_hwc: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours, every pixel so many times that small images can be seen."""
    times = max(1, _SIDE // max(pixels_hwc.shape[:2]))
    colored = np.broadcast_to(pixels_hwc, (*pixels_hwc.shape[:2], 3))
    return colored.repeat(times, axis=0).repeat(times, axis=1)

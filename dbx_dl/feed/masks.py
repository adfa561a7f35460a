"""Polygons of images as labels: which label each pixel of the model's image belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.errors import DataError
from dbx_dl.transforms.placement import place_images

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import ImageSpec, Target
    from dbx_dl.feed.augmentation import FlipLabel

COLUMN = "label_polygons"
MAX_LABELS = 255
FINER = 3


def flip_mask(mask_hw: NDArray[np.generic], is_mirrored: bool, is_upended: bool) -> NDArray[np.generic]:
    """The mask of an image with left and right, and with top and bottom exchanged."""
    return mask_hw[:: -1 if is_upended else 1, :: -1 if is_mirrored else 1]


class MaskReader:
    """Labels uint8 (N, H, W): 0 where there is no object, 1 + the label's index where there is one.

    Polygons are painted in their order, later ones over earlier ones; a pixel belongs to those that hold its middle.
    """

    columns: tuple[str, ...] = (COLUMN, "height", "width")
    dtype = "uint8"

    def __init__(self, target: Target, inputs: ImageSpec) -> None:
        if len(target.label_names) > MAX_LABELS:
            raise DataError(f"the table has {len(target.label_names)} labels, masks can have {MAX_LABELS}")
        self._numbers = {name: number for number, name in enumerate(target.label_names, start=1)}
        self._inputs = inputs
        self.flip_label: FlipLabel | None = flip_mask
        self.row_shape: tuple[int, ...] = (inputs.height, inputs.width)

    def read(self, table: pa.Table, place: str) -> NDArray[np.generic]:
        """Labels of a table's rows; DataError, naming `place`, for a row without polygons, or an unknown label."""
        if any(table.column(name).null_count for name in self.columns):
            raise DataError(f"{place} has rows without {', '.join(self.columns)}: run the prepare stage again")
        heights, widths = (table.column(name).to_numpy() for name in ("height", "width"))
        placement = place_images(heights, widths, self._inputs)
        masks = np.zeros((table.num_rows, *self.row_shape), np.uint8)
        sides = np.array([self._inputs.width, self._inputs.height])
        for row, polygons in enumerate(table.column(COLUMN).to_pylist()):
            scales = np.array([placement.scale_x[row], placement.scale_y[row]]) * sides
            offsets = np.array([placement.offset_x[row], placement.offset_y[row]]) * sides
            if polygons:
                points = [np.array(one["points"]).reshape(-1, 2) * scales + offsets for one in polygons]
                numbers = [self._number(one, place) for one in polygons]
                masks[row] = paint_polygons(list(zip(numbers, points, strict=True)), self.row_shape)
        return masks

    def _number(self, polygon: dict[str, Any], place: str) -> int:
        if polygon["label"] not in self._numbers:
            raise DataError(f"{place} has polygons with labels outside of the known ones: run the prepare stage again")
        return self._numbers[polygon["label"]]


def paint_polygons(polygons: list[tuple[int, NDArray[np.float64]]], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The mask uint8 (H, W) of numbered polygons, whose points (K, 2) are x and y in pixels."""
    from PIL import Image, ImageDraw

    # Pillow paints every pixel that an edge touches: of FINER x FINER pixels the one in the middle decides.
    image = Image.new("L", (shape[1] * FINER, shape[0] * FINER))
    draw = ImageDraw.Draw(image)
    for number, points in polygons:
        # Its pixels have their middles at whole numbers.
        draw.polygon([(float(x), float(y)) for x, y in points * FINER - 0.5], fill=number)
    middle = FINER // 2
    return np.asarray(image, dtype=np.uint8)[middle::FINER, middle::FINER]

"""Boxes of images as labels of one shape: so many places for every image, those without a box are zeros."""

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

COLUMN = "label_boxes"


def flip_boxes(boxes_m5: NDArray[Any], is_mirrored: bool, is_upended: bool) -> NDArray[Any]:
    """Boxes of an image with left and right, and with top and bottom exchanged."""
    flipped = boxes_m5.copy()
    is_box = (boxes_m5[:, 3:] > 0).all(axis=1)
    for axis, is_flipped in ((1, is_mirrored), (2, is_upended)):
        if is_flipped:
            flipped[is_box, axis] = 1 - boxes_m5[is_box, axis] - boxes_m5[is_box, axis + 2]
    return flipped


class BoxReader:
    """Labels float32 (N, max_boxes, 5): class, x and y of the left upper corner, width and height.

    All but the class are shares of the image as the model gets it; a place without a box has no width and height.
    """

    columns: tuple[str, ...] = (COLUMN, "height", "width")
    dtype = "float32"

    def __init__(self, target: Target, inputs: ImageSpec) -> None:
        self._names = target.label_names
        self._inputs = inputs
        self.flip_label: FlipLabel | None = flip_boxes
        self.row_shape: tuple[int, ...] = (target.max_boxes, 5)

    def read(self, table: pa.Table, place: str) -> NDArray[np.generic]:
        """Labels of a table's rows; DataError, naming `place`, for a row without any, or unknown or too many boxes."""
        import pyarrow.compute as pc

        if any(table.column(name).null_count for name in self.columns):
            raise DataError(f"{place} has rows without {', '.join(self.columns)}: run the prepare stage again")
        boxes = table.column(COLUMN).combine_chunks()
        rows, values = pc.list_parent_indices(boxes).to_numpy(), pc.list_flatten(boxes)
        counts = np.bincount(rows, minlength=table.num_rows) if len(rows) else np.zeros(table.num_rows, np.int64)
        if len(rows) and counts.max() > self.row_shape[0]:
            raise DataError(
                f"{place} has an image with {counts.max()} boxes, more than {self.row_shape[0]}: prepare again"
            )
        labels = np.zeros((table.num_rows, *self.row_shape), np.float32)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        labels[rows, places] = self._read_values(values, rows, table, place)
        return labels

    def _read_values(self, values: Any, rows: NDArray[np.int64], table: pa.Table, place: str) -> NDArray[np.float64]:
        import pyarrow as pa
        import pyarrow.compute as pc

        classes = pc.index_in(pc.struct_field(values, "label"), value_set=pa.array(self._names, pa.string()))
        if classes.null_count:
            raise DataError(f"{place} has boxes with labels outside of the known ones: run the prepare stage again")
        x, y, width, height = (
            pc.struct_field(values, name).to_numpy(zero_copy_only=False) for name in ("x", "y", "width", "height")
        )
        sizes = [table.column(name).to_numpy()[rows] for name in ("height", "width")]
        placement = place_images(sizes[0], sizes[1], self._inputs)
        left, right = (np.clip(placement.scale_x * end + placement.offset_x, 0, 1) for end in (x, x + width))
        top, bottom = (np.clip(placement.scale_y * end + placement.offset_y, 0, 1) for end in (y, y + height))
        boxes = np.stack([classes.to_numpy(zero_copy_only=False), left, top, right - left, bottom - top], axis=1)
        # What a crop leaves nothing of is no box any more.
        boxes[(boxes[:, 3:] <= 0).any(axis=1)] = 0
        return np.asarray(boxes)

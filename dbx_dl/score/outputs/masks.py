"""Probabilities of pixels become a mask as a PNG image, and shares of the image by label."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.score.inputs.arrow_lists import as_maps
from dbx_dl.score.outputs.kind import OneColumn, WithoutChoices

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import Target


@dataclass(frozen=True)
class MaskImages:
    """An output float32 (N, H, W, 1 + C), background first.

    Fields: mask binary, a grey PNG of the model's size in which 0 is background and 1 + i the label of number i; areas,
    the share of the pixels by label.
    """

    output: str
    labels: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of both."""
        return {"mask": "binary", "areas": "map<string,double>"}

    def build(self, values: np.ndarray, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The wanted fields of rows (N, H, W, 1 + C)."""
        import numpy as np
        import pyarrow as pa

        from dbx_dl.metrics.masks import choose_labels

        masks, arrays = choose_labels(values), {}
        if "mask" in wanted:
            arrays["mask"] = pa.array([_encode(mask) for mask in masks], pa.binary())
        if "areas" in wanted:
            numbers = np.arange(1, len(self.labels) + 1)
            shares = np.array([(masks == number).mean(axis=(1, 2)) for number in numbers]).T.reshape(-1)
            keys = pa.array(self.labels, pa.string()).take(pa.array(np.tile(numbers - 1, len(masks))))
            arrays["areas"] = as_maps(keys, pa.array(shares), np.arange(len(masks) + 1) * len(self.labels))
        return arrays

    def no_rows(self) -> np.ndarray:
        """An array without rows."""
        import numpy as np

        return np.empty((0, 1, 1, 1 + len(self.labels)), np.float32)


class MaskKind(WithoutChoices, OneColumn):
    """Probabilities of pixels (N, H, W, 1 + C); what is read back are masks (N, H, W)."""

    what = "masks"
    has_size = True
    column = "mask"

    def make(self, output: str, target: Target) -> MaskImages:
        """The fields `mask` and `areas`."""
        return MaskImages(output, target.label_names)

    def read(self, predictions: pa.Table, target: Target) -> np.ndarray:
        """Masks uint8."""
        return read_masks(predictions.column(self.column), target.grid or (1, 1))


def read_masks(column: pa.ChunkedArray, shape: tuple[int, int]) -> np.ndarray:
    """Masks uint8 (N, H, W) of PNG images."""
    import numpy as np
    from PIL import Image

    masks = [np.asarray(Image.open(io.BytesIO(data), formats=("PNG",))) for data in column.to_pylist()]
    return np.stack(masks).astype(np.uint8) if masks else np.zeros((0, *shape), np.uint8)


def _encode(mask: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()

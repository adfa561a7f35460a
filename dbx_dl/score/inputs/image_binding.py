"""A column of encoded images becomes the pixels that a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dbx_dl.contracts import ImageSpec
from dbx_dl.score.inputs.bound_rows import BoundRows
from dbx_dl.score.inputs.file_decoding import decode_rows
from dbx_dl.score.inputs.tensor_binding import take_column
from dbx_dl.score.inputs.wants import Want
from dbx_dl.score.model.description import ITEM_BYTES

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Layout = Literal["nhwc", "nchw", "nhw"]


@dataclass(frozen=True)
class PixelScaling:
    """From uint8 pixels (N, H, W, C) to an input: the order of its dimensions and channels, its type and its range.

    An element is (pixel * scale - mean) / std, computed in float32; `mean` and `std` are per channel, in the order of
    the input's channels, or empty. Without `scale` and the others pixels stay as they are.
    """

    layout: Layout = "nhwc"
    dtype: str = "uint8"
    is_reversed: bool = False
    scale: float | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def apply(self, pixels_nhwc: np.ndarray) -> np.ndarray:
        """The input's array; the pixels themselves where nothing is to do."""
        import numpy as np

        pixels = pixels_nhwc[..., ::-1] if self.is_reversed else pixels_nhwc
        if self.layout == "nchw":
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        elif self.layout == "nhw":
            pixels = pixels[..., 0]
        if self.scale is None and not (self.mean or self.std):
            return np.ascontiguousarray(pixels.astype(self.dtype, copy=False))
        values = pixels.astype(np.float32)
        if self.scale is not None:
            values *= np.float32(self.scale)
        if self.mean:
            values -= self._spread(self.mean)
        if self.std:
            values /= self._spread(self.std)
        return np.ascontiguousarray(values.astype(self.dtype, copy=False))

    def _spread(self, numbers: tuple[float, ...]) -> np.ndarray:
        """Numbers per channel in a shape that goes with the pixels."""
        import numpy as np

        return np.array(numbers, np.float32).reshape((-1, 1, 1) if self.layout == "nchw" else (-1,))


@dataclass(frozen=True)
class ImageBinding:
    """One input of pixels, decoded by `transforms.images` in `num_threads` threads."""

    input: str
    spec: ImageSpec
    scaling: PixelScaling = PixelScaling()
    num_threads: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The binary column."""
        return (self.spec.column,)

    @property
    def wants(self) -> tuple[Want, ...]:
        """Image bytes."""
        return (Want(self.spec.column, "image bytes"),)

    @property
    def row_bytes(self) -> int:
        """Bytes of an image's pixels in the input."""
        return self.spec.height * self.spec.width * self.spec.channels * ITEM_BYTES[self.scaling.dtype]

    def bind(self, batch: pa.RecordBatch) -> BoundRows:
        """The pixels of images that can be decoded; null and undecodable bytes are errors."""
        import numpy as np

        column = take_column(batch, self.spec.column)
        pixels_nhwc = np.empty((len(column), self.spec.height, self.spec.width, self.spec.channels), np.uint8)
        errors = decode_rows(column, self.spec, pixels_nhwc, self.num_threads)
        rows = np.array([row for row in range(len(column)) if row not in errors], np.int64)
        decoded = pixels_nhwc if not errors else pixels_nhwc[rows]
        return BoundRows({self.input: self.scaling.apply(decoded)}, rows, errors)

    def measure_rows(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """None: all images have one size."""
        del batch
        return None

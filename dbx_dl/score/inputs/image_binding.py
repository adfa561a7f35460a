"""A column of encoded images becomes the pixels that a model takes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from dbx_dl.contracts import ImageSpec
from dbx_dl.score.inputs.bound_rows import BoundRows
from dbx_dl.score.inputs.tensor_binding import take_column
from dbx_dl.score.inputs.wants import Want
from dbx_dl.score.model.description import ITEM_BYTES

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Layout = Literal["nhwc", "nchw", "nhw"]
# A thread of its own for fewer images costs more than it brings.
_IMAGES_PER_THREAD = 8


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


def decode_rows(column: pa.Array, spec: ImageSpec, pixels_nhwc: np.ndarray, num_threads: int = 1) -> dict[int, str]:
    """Fill `pixels_nhwc` uint8 (N, H, W, C) with the decoded images; the reason of every row that has none."""
    num_rows = len(column)
    num_parts = max(1, min(num_threads, num_rows // _IMAGES_PER_THREAD))
    if num_parts == 1:
        return _decode_part(column, spec, pixels_nhwc, 0)
    bounds = [num_rows * part // num_parts for part in range(num_parts + 1)]
    with ThreadPoolExecutor(num_parts) as pool:
        futures = [
            pool.submit(_decode_part, column.slice(start, stop - start), spec, pixels_nhwc[start:stop], start)
            for start, stop in pairwise(bounds)
        ]
        return {row: text for future in futures for row, text in future.result().items()}


def _decode_part(column: pa.Array, spec: ImageSpec, pixels_nhwc: np.ndarray, first_row: int) -> dict[int, str]:
    from dbx_dl.transforms.images import UndecodableImageError, decode_image

    errors: dict[int, str] = {}
    for place, data in enumerate(column.to_pylist()):
        if data is None:
            errors[first_row + place] = f"null: column {spec.column!r} is null"
            continue
        try:
            decode_image(data, spec, pixels_nhwc[place])
        except UndecodableImageError as error:
            errors[first_row + place] = f"{error.code}: {error.detail}"
        except Exception as error:  # whatever a file makes a decoder do, it costs its own row only
            errors[first_row + place] = f"corrupt: {type(error).__name__}: {error}"
    return errors

"""Raw columns become network inputs: encoded images by `transforms.images`, tables by `transforms.columns`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dbx_dl.contracts import FeatureSpec, ImageSpec
from dbx_dl.errors import DataError
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.images import UndecodableImageError, decode_image

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_PER_TASK = 8


class Decoder(Protocol):
    """How one kind of input gets from Parquet columns to arrays; a block is kept as `load` returns it."""

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row's input."""

    @property
    def dtype(self) -> str:
        """Element type of the inputs."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that are read."""

    def load(self, table: pa.Table) -> Any:
        """What is kept of a block's input columns."""

    def take(self, loaded: Any, rows: Sequence[int], keys: Sequence[str]) -> np.ndarray:
        """Inputs (len(rows), *row_shape) of some rows of a loaded block; `keys` are those rows' keys, for messages."""


class FeatureDecoder:
    """Blocks of raw columns are encoded whole, once, and kept as float32 (rows, K)."""

    dtype = "float32"

    def __init__(self, spec: FeatureSpec) -> None:
        self.row_shape: tuple[int, ...] = (spec.num_encoded,)
        self.columns = spec.columns
        self._encoder = TabularEncoder(spec)

    def load(self, table: pa.Table) -> Any:
        return self._encoder.encode(table)

    def take(self, loaded: Any, rows: Sequence[int], keys: Sequence[str]) -> np.ndarray:
        del keys  # nothing in a feature row can fail
        features: np.ndarray = loaded[np.asarray(rows)]
        return features


class ImageDecoder:
    """Blocks keep the encoded bytes, which are decoded row by row in a few threads when a batch needs them."""

    dtype = "uint8"

    def __init__(self, spec: ImageSpec, num_threads: int) -> None:
        self.row_shape: tuple[int, ...] = (spec.height, spec.width, spec.channels)
        self.columns = (spec.column,)
        self._spec = spec
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix="decode") if num_threads > 1 else None

    def load(self, table: pa.Table) -> Any:
        return table.column(self._spec.column)

    def take(self, loaded: Any, rows: Sequence[int], keys: Sequence[str]) -> np.ndarray:
        pixels = np.empty((len(rows), *self.row_shape), dtype=np.uint8)

        def decode(start: int) -> None:
            for place in range(start, min(start + _ROWS_PER_TASK, len(rows))):
                pixels[place] = self._decode(loaded[rows[place]].as_py(), keys[place])

        starts = range(0, len(rows), _ROWS_PER_TASK)
        list(self._pool.map(decode, starts) if self._pool else map(decode, starts))
        return pixels

    def _decode(self, data: bytes | None, key: str) -> np.ndarray:
        try:
            return decode_image(data or b"", self._spec)
        except UndecodableImageError as error:
            raise DataError(f"image {key!r} cannot be decoded ({error}): run the prepare stage again") from None


def create_decoder(spec: ImageSpec | FeatureSpec, num_threads: int) -> Decoder:
    """The decoder of a table's inputs."""
    return ImageDecoder(spec, num_threads) if isinstance(spec, ImageSpec) else FeatureDecoder(spec)

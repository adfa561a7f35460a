"""Raw columns become network inputs: files by `transforms.files`, tables by `transforms.columns`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dbx_dl.contracts import FileSpec, HistorySpec, StepsSpec, TextSpec
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.files import decode_file
from dbx_dl.transforms.undecodable import UndecodableError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import ColumnsSpec, InputSpec


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

    @property
    def is_whole(self) -> bool:
        """Whether blocks are decoded whole when they are loaded, so that `load` gives all rows' inputs."""

    @property
    def is_padded(self) -> bool:
        """Whether rows end in padding that a batch need not have."""

    def load(self, table: pa.Table, out: np.ndarray | None = None) -> Any:
        """What is kept of a block's input columns; it has `nbytes`. If it is all rows' inputs, `out` may take them."""

    def fill(self, inputs: np.ndarray, at: NDArray[np.int64], loaded: Any, rows: NDArray[np.int64]) -> dict[int, str]:
        """Set `inputs[at]`, of (N, *row_shape), to some rows of a loaded block; reasons by place in `rows` of failures.

        What cannot be decoded stays as it was.
        """


class FeatureDecoder:
    """Blocks of raw columns are encoded whole, once, and kept as float32 (rows, K), of a text int32 (rows, T).

    Numbers by step are float32 (rows, T, K + 1).
    """

    is_whole = True

    def __init__(self, spec: ColumnsSpec) -> None:
        self.row_shape, self.dtype = spec.row_shape, spec.row_dtype
        self.is_padded = isinstance(spec, TextSpec | HistorySpec | StepsSpec)
        self.columns = spec.columns
        self._encoder = TabularEncoder(spec)

    def load(self, table: pa.Table, out: np.ndarray | None = None) -> Any:
        return self._encoder.encode(table, out)

    def fill(self, inputs: np.ndarray, at: NDArray[np.int64], loaded: Any, rows: NDArray[np.int64]) -> dict[int, str]:
        inputs[at] = loaded.take(rows, axis=0)
        return {}


class EncodedFiles:
    """The files of a block, one after the other in memory; null is a file without bytes."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        import pyarrow as pa

        files = column.cast(pa.large_binary()).combine_chunks()
        if files.null_count:
            files = files.fill_null(b"")
        self.nbytes = int(files.nbytes)
        offsets, data = files.buffers()[1:]
        self._bytes = memoryview(data) if data is not None else memoryview(b"")
        self._starts = np.frombuffer(offsets, np.int64)[files.offset : files.offset + len(files) + 1]

    def take(self, rows: NDArray[np.int64]) -> list[bytes]:
        """Some of the files."""
        starts, ends = self._starts[rows].tolist(), self._starts[rows + 1].tolist()
        return [bytes(self._bytes[start:end]) for start, end in zip(starts, ends, strict=True)]


class FileDecoder:
    """Blocks keep the encoded bytes, which are decoded row by row when a batch needs them."""

    is_whole = is_padded = False

    def __init__(self, spec: FileSpec) -> None:
        self.row_shape, self.dtype = spec.row_shape, spec.row_dtype
        self.columns = spec.columns
        self._spec = spec

    def load(self, table: pa.Table, out: np.ndarray | None = None) -> Any:
        del out  # The files are kept, not what they become.
        return EncodedFiles(table.column(self._spec.column))

    def fill(self, inputs: np.ndarray, at: NDArray[np.int64], loaded: Any, rows: NDArray[np.int64]) -> dict[int, str]:
        problems: dict[int, str] = {}
        for number, (place, data) in enumerate(zip(at.tolist(), loaded.take(rows), strict=True)):
            try:
                decode_file(data, self._spec, inputs[place])
            except UndecodableError as error:
                problems[number] = str(error)
        return problems


def create_decoder(spec: InputSpec) -> Decoder:
    """The decoder of a table's inputs."""
    return FileDecoder(spec) if isinstance(spec, FileSpec) else FeatureDecoder(spec)

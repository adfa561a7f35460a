"""Reads blocks on demand and keeps the latest within a bound in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.errors import DataError, VersionGoneError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.feed.decoding import Decoder
    from dbx_dl.feed.files import Block

LABEL_COLUMN = "label_index"


@dataclass(frozen=True)
class LoadedBlock:
    """A block in memory: keys and labels of its rows, and what the decoder keeps of their inputs."""

    keys: pa.ChunkedArray
    labels: NDArray[np.int64]
    inputs: Any

    @property
    def num_bytes(self) -> int:
        """Memory that the block holds."""
        return int(self.keys.nbytes + self.labels.nbytes + self.inputs.nbytes)


class BlockCache:
    """Blocks by number, least recently used out first; the latest one stays even when it alone exceeds the bound."""

    def __init__(self, blocks: Sequence[Block], key_column: str, decoder: Decoder, capacity_bytes: int) -> None:
        self._blocks = blocks
        self._key_column = key_column
        self._decoder = decoder
        self._capacity_bytes = capacity_bytes
        self._loaded: OrderedDict[int, LoadedBlock] = OrderedDict()
        self._num_bytes = 0
        # Two iterators over one feed, such as a stopped one that still ends, must not race.
        self._lock = threading.Lock()

    def load(self, number: int) -> LoadedBlock:
        """The block with this number; DataError when its file is gone."""
        with self._lock:
            if number in self._loaded:
                self._loaded.move_to_end(number)
                return self._loaded[number]
            block = self._read(self._blocks[number])
            self._loaded[number] = block
            self._num_bytes += block.num_bytes
            while self._num_bytes > self._capacity_bytes and len(self._loaded) > 1:
                self._num_bytes -= self._loaded.popitem(last=False)[1].num_bytes
            return block

    def _read(self, block: Block) -> LoadedBlock:
        import pyarrow as pa

        table = read_block(block, [self._key_column, *self._decoder.columns, LABEL_COLUMN])
        labels = table.column(LABEL_COLUMN)
        if labels.null_count:
            raise DataError(f"{block.path} has rows without {LABEL_COLUMN}: run the prepare stage again")
        return LoadedBlock(
            keys=table.column(self._key_column).cast(pa.string()),
            labels=labels.to_numpy().astype(np.int64),
            inputs=self._decoder.load(table),
        )


def read_block(block: Block, columns: Sequence[str]) -> pa.Table:
    """Some columns of a block; DataError when its file is gone or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(columns))
    try:
        # Spark's old INT96 timestamps would become nanoseconds, which silently wrap around outside 1678 to 2262.
        with pq.ParquetFile(block.path, coerce_int96_timestamp_unit="us") as file:
            return file.read_row_group(block.row_group, columns=names, use_threads=False).select(names)
    except FileNotFoundError:
        raise VersionGoneError(f"data file {block.path} was vacuumed: run the prepare stage again") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"data file {block.path} cannot be read: {error}") from None

"""Reads blocks on demand and keeps the latest within a bound in bytes."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.feed.files import read_block

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.feed.decoding import Decoder
    from dbx_dl.feed.files import Block
    from dbx_dl.feed.targets import Labels, WeightReader


@dataclass(frozen=True)
class LoadedBlock:
    """A block in memory: keys, labels and weights of its rows, and what the decoder keeps of them.

    `weights` are those of training, `sample_weights` the table's own; None: all are 1. `inputs` are None where only the
    rest was asked for.
    """

    keys: pa.Array
    labels: NDArray[np.generic]
    weights: NDArray[np.float32] | None
    sample_weights: NDArray[np.float32] | None
    inputs: Any

    @property
    def num_bytes(self) -> int:
        """Memory that the block holds."""
        own = None if self.sample_weights is self.weights else self.sample_weights
        held = (self.keys, self.labels, self.weights, own, self.inputs)
        return sum(int(part.nbytes) for part in held if part is not None)


@dataclass(frozen=True)
class BlockReader:
    """What of a block is read, and into what it is turned."""

    key_column: str
    decoder: Decoder
    labels: Labels
    weights: WeightReader

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (self.key_column, *self.decoder.columns, *self.labels.columns, *self.weights.columns)

    @property
    def row_bytes(self) -> int:
        """Memory of a decoded row: inputs, labels, weight and sample weight."""
        parts = (self.decoder, self.labels)
        return 8 + sum(math.prod(part.row_shape) * np.dtype(part.dtype).itemsize for part in parts)

    def read(self, block: Block, with_inputs: bool, out: np.ndarray | None = None) -> LoadedBlock:
        """Read a block, decoding inputs into `out` if given; DataError when its file is gone or a row has no label."""
        import pyarrow as pa

        inputs = self.decoder.columns if with_inputs else ()
        table = read_block(block, [self.key_column, *inputs, *self.labels.columns, *self.weights.columns])
        labels = self.labels.read(table, block.path)
        weights, sample_weights = self.weights.read(table, labels, block.path)
        return LoadedBlock(
            keys=table.column(self.key_column).cast(pa.string()).combine_chunks(),
            labels=labels,
            weights=weights,
            sample_weights=sample_weights,
            inputs=self.decoder.load(table, out) if with_inputs else None,
        )


class BlockCache:
    """Blocks by number, least recently used out first; the latest one stays even when it alone exceeds the bound."""

    def __init__(
        self, blocks: Sequence[Block], read: Callable[[Block, bool], LoadedBlock], capacity_bytes: int
    ) -> None:
        self._blocks = blocks
        self._read = read
        self._capacity_bytes = capacity_bytes
        self._loaded: OrderedDict[int, LoadedBlock] = OrderedDict()
        self._num_bytes = 0
        self._is_spacious = True
        self._lock = threading.Lock()
        self._reading: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    def offer(self, number: int, *, with_inputs: bool = True) -> LoadedBlock | None:
        """The block as `load` gives it, or None where another thread is reading it: what else is there can be done.

        Where blocks had to go for others, threads wait for each other, so that all get a block while it is there.
        """
        with self._lock:
            if self._is_spacious and self._reading[number].locked():
                return self._find(number, with_inputs)
        return self.load(number, with_inputs=with_inputs)

    def load(self, number: int, *, with_inputs: bool = True) -> LoadedBlock:
        """The block with this number, read by one thread at a time; DataError when its file is gone."""
        with self._lock:
            if (found := self._find(number, with_inputs)) is not None:
                return found
            reading = self._reading[number]
        with reading:
            with self._lock:
                if (found := self._find(number, with_inputs)) is not None:
                    return found
            block = self._read(self._blocks[number], with_inputs)
            with self._lock:
                self._keep(number, block)
            return block

    def _find(self, number: int, with_inputs: bool) -> LoadedBlock | None:
        found = self._loaded.get(number)
        if found is None or (with_inputs and found.inputs is None):
            return None
        self._loaded.move_to_end(number)
        return found

    def _keep(self, number: int, block: LoadedBlock) -> None:
        if number in self._loaded:
            self._num_bytes -= self._loaded.pop(number).num_bytes
        self._loaded[number] = block
        self._num_bytes += block.num_bytes
        while self._num_bytes > self._capacity_bytes and len(self._loaded) > 1:
            self._num_bytes -= self._loaded.popitem(last=False)[1].num_bytes
            self._is_spacious = False

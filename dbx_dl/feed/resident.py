"""A split whose decoded rows fit into memory has them in one array, so that the rows of several steps are one take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.feed.blocks import BlockReader, LoadedBlock
    from dbx_dl.feed.files import Block


class ResidentRows:
    """Inputs, labels and weights of all rows in stored order; those of a block are there once it has been read."""

    def __init__(self, blocks: Sequence[Block], reader: BlockReader) -> None:
        self._reader = reader
        self._starts = _list_starts(blocks)
        self._parts = {block: slice(*self._starts[number : number + 2]) for number, block in enumerate(blocks)}
        decoder, labels, num_rows = reader.decoder, reader.labels, int(self._starts[-1])
        # Memory is taken when a block is written, so a rank that does not need all blocks holds less.
        self._inputs = np.empty((num_rows, *decoder.row_shape), decoder.dtype)
        self._labels = np.empty((num_rows, *labels.row_shape), labels.dtype)
        self._weights = np.empty(num_rows, np.float32) if reader.weights.is_needed else None
        self._sample_weights = np.empty(num_rows, np.float32) if reader.weights.columns else None

    @property
    def num_bytes(self) -> int:
        """Memory that all rows take."""
        parts = (self._inputs, self._labels, self._weights, self._sample_weights)
        return sum(held.nbytes for held in parts if held is not None)

    def read(self, block: Block, with_inputs: bool) -> LoadedBlock:
        """Read a block's rows to their place; what is returned has nothing but the keys. Else as `BlockReader.read`."""
        part = self._parts[block]
        loaded = self._reader.read(block, with_inputs, self._inputs[part])
        self._labels[part] = loaded.labels
        if self._weights is not None:
            self._weights[part] = loaded.weights
        if self._sample_weights is not None:
            self._sample_weights[part] = loaded.sample_weights
        return replace(loaded, labels=self._labels[:0], weights=None, sample_weights=None, inputs=self._inputs[:0])

    def find(self, numbers: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where rows of blocks are, int64 (N,), as `take` wants it."""
        return self._starts.take(numbers) + rows

    def take_inputs(self, number: int, rows: NDArray[np.int64]) -> np.ndarray:
        """Inputs (N, *row_shape) of rows of a block that has been read."""
        inputs: np.ndarray = self._inputs.take(self._starts[number] + rows, axis=0)
        return inputs

    def take(self, at: NDArray[np.int64], *, with_weights: bool) -> tuple[np.ndarray, ...]:
        """Inputs (N, *row_shape), labels (N, *label_shape), weights (1 unless asked for) and sample weights (N,)."""
        weights = _take_weights(self._weights if with_weights else None, at)
        sample_weights = _take_weights(self._sample_weights, at)
        return self._inputs.take(at, axis=0), self._labels.take(at, axis=0), weights, sample_weights


def hold_rows(blocks: Sequence[Block], reader: BlockReader, capacity_bytes: int) -> ResidentRows | None:
    """All rows in memory, where blocks are decoded whole and a quarter of the capacity is left for keys; else None."""
    num_bytes = reader.row_bytes * sum(block.num_rows for block in blocks)
    return ResidentRows(blocks, reader) if reader.decoder.is_whole and num_bytes <= 0.75 * capacity_bytes else None


def _take_weights(weights: NDArray[np.float32] | None, at: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.ones(len(at), np.float32) if weights is None else weights.take(at)


def _list_starts(blocks: Sequence[Block]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum([block.num_rows for block in blocks], dtype=np.int64)])

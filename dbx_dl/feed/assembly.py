"""Places in an order of rows become batches: several steps at once, so that each block is touched once for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Batch
from dbx_dl.feed.keys import BatchKeys, RowKeys
from dbx_dl.feed.shards import PADDING
from dbx_dl.feed.shuffle import RowOrder, group_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.feed.augmentation import Augmentation
    from dbx_dl.feed.bad_rows import BadRows
    from dbx_dl.feed.blocks import BlockCache, BlockReader, LoadedBlock
    from dbx_dl.feed.row_cache import RowCache


@dataclass(frozen=True)
class Pass:
    """One walk over a split: its order, what could not be decoded, and, in training, weights and augmentation."""

    order: RowOrder
    bad_rows: BadRows
    is_training: bool
    augmentation: Augmentation | None


class _Rows:
    """Arrays of some steps, N rows in all, that are filled block by block."""

    def __init__(self, num_rows: int, reader: BlockReader) -> None:
        decoder, labels = reader.decoder, reader.labels
        self.inputs = np.zeros((num_rows, *decoder.row_shape), dtype=decoder.dtype)
        self.labels = np.zeros((num_rows, *labels.row_shape), dtype=labels.dtype)
        self.weights = np.zeros(num_rows, dtype=np.float32)
        self.sample_weights = np.zeros(num_rows, dtype=np.float32)
        self.is_row = np.zeros(num_rows, dtype=np.bool_)
        self.keys = RowKeys(num_rows)


class Assembler:
    """Fills batches from blocks and from the cache of decoded rows; any number of threads may use it."""

    def __init__(self, reader: BlockReader, blocks: BlockCache, rows: RowCache | None) -> None:
        self._reader = reader
        self._blocks = blocks
        self._rows = rows

    def assemble(self, places_sb: NDArray[np.int64], walk: Pass) -> list[Batch]:
        """The batches of S steps; `places_sb` int64 (S, B) are places in the pass's order, or PADDING."""
        places = places_sb.ravel()
        rows = _Rows(len(places), self._reader)
        filled = np.flatnonzero(places != PADDING)
        numbers, chosen = walk.order.locate(places[filled])
        for number, at in group_places(numbers):
            self._fill(rows, number, filled[at], chosen[at], walk)
        if walk.augmentation is not None:
            walk.augmentation.apply(rows.inputs, rows.keys.texts, rows.is_row)
        size = places_sb.shape[1]
        return [_cut(rows, start, start + size) for start in range(0, len(places), size)]

    def _fill(self, rows: _Rows, number: int, at: NDArray[np.int64], chosen: NDArray[np.int64], walk: Pass) -> None:
        slots = self._rows.find(number, chosen) if self._rows is not None else None
        is_cached = slots is not None and bool((slots >= 0).all())
        block = self._blocks.load(number, with_inputs=not is_cached)
        rows.keys.put(at, block.keys, chosen)
        rows.labels[at] = block.labels[chosen]
        rows.weights[at] = block.weights[chosen] if walk.is_training and block.weights is not None else 1
        rows.sample_weights[at] = 1 if block.sample_weights is None else block.sample_weights[chosen]
        rows.is_row[at] = True
        if self._rows is not None and slots is not None:
            is_here = slots >= 0
            rows.inputs[at[is_here]] = self._rows.take(slots[is_here])
            at, chosen = at[~is_here], chosen[~is_here]
        if len(at):
            at, chosen = self._decode(rows, block, at, chosen, walk)
            if self._rows is not None:
                self._rows.put(number, chosen, rows.inputs[at])

    def _decode(
        self, rows: _Rows, block: LoadedBlock, at: NDArray[np.int64], chosen: NDArray[np.int64], walk: Pass
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Decode rows of a block to their places; those places and rows at which it succeeded."""
        problems = self._reader.decoder.fill(rows.inputs, at, block.inputs, chosen)
        if not problems:
            return at, chosen
        is_bad = np.zeros(len(at), dtype=np.bool_)
        is_bad[list(problems)] = True
        rows.weights[at[is_bad]] = 0
        rows.sample_weights[at[is_bad]] = 0
        rows.is_row[at[is_bad]] = False
        walk.bad_rows.add({block.keys[int(chosen[place])].as_py(): why for place, why in problems.items()})
        return at[~is_bad], chosen[~is_bad]


def _cut(rows: _Rows, start: int, stop: int) -> Batch:
    part = slice(start, stop)
    keys = BatchKeys(rows.keys, start, stop)
    inputs, labels, weights = rows.inputs[part], rows.labels[part], rows.weights[part]
    return Batch(inputs, labels, weights, keys, rows.is_row[part], rows.sample_weights[part])

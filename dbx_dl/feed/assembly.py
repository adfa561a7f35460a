"""Places in an order of rows become batches: several steps at once, so that each block is touched once for them."""

from __future__ import annotations

from collections.abc import Callable
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
    """Arrays of some steps, N rows in all, that are filled block by block; those of padding are zeros."""

    def __init__(self, is_row: NDArray[np.bool_], reader: BlockReader) -> None:
        decoder, labels, num_rows = reader.decoder, reader.labels, len(is_row)
        self.inputs = np.empty((num_rows, *decoder.row_shape), dtype=decoder.dtype)
        self.labels = np.empty((num_rows, *labels.row_shape), dtype=labels.dtype)
        self.weights = is_row.astype(np.float32)
        self.is_row = is_row
        self.keys = RowKeys(num_rows)
        self.inputs[~is_row] = 0
        self.labels[~is_row] = 0


class Assembler:
    """Fills batches from blocks and from the cache of decoded rows; any number of threads may use it."""

    def __init__(self, reader: BlockReader, blocks: BlockCache, rows: RowCache | None) -> None:
        self._reader = reader
        self._blocks = blocks
        self._rows = rows

    def assemble(self, places_sb: NDArray[np.int64], walk: Pass) -> list[Batch]:
        """The batches of S steps; `places_sb` int64 (S, B) are places in the pass's order, or PADDING."""
        places = places_sb.ravel()
        is_row = places != PADDING
        filled = np.flatnonzero(is_row)
        rows = _Rows(is_row, self._reader)
        numbers, chosen = walk.order.locate(places[filled])
        parts = [(number, filled[at], chosen[at]) for number, at in group_places(numbers)]
        # Blocks that another thread is reading come last: threads that begin together each read some of the blocks.
        for part in [part for part in parts if not self._fill(rows, *part, walk, self._blocks.offer)]:
            self._fill(rows, *part, walk, self._blocks.load)
        if walk.augmentation is not None:
            walk.augmentation.apply(rows.inputs, rows.keys.texts, rows.is_row)
        size = places_sb.shape[1]
        return [_cut(rows, start, start + size) for start in range(0, len(places), size)]

    def _fill(
        self,
        rows: _Rows,
        number: int,
        at: NDArray[np.int64],
        chosen: NDArray[np.int64],
        walk: Pass,
        get: Callable[..., LoadedBlock | None],
    ) -> bool:
        """Set the rows at some places to these of a block; False where it is not to be had yet."""
        slots = self._rows.find(number, chosen) if self._rows is not None else None
        is_cached = slots is not None and bool((slots >= 0).all())
        block = get(number, with_inputs=not is_cached)
        if block is None:
            return False
        rows.keys.put(at, block.keys, chosen)
        rows.labels[at] = block.labels[chosen]
        if walk.is_training and block.weights is not None:
            rows.weights[at] = block.weights[chosen]
        if self._rows is not None and slots is not None:
            is_here = slots >= 0
            rows.inputs[at[is_here]] = self._rows.take(slots[is_here])
            at, chosen = at[~is_here], chosen[~is_here]
        if len(at):
            at, chosen = self._decode(rows, block, at, chosen, walk)
            if self._rows is not None:
                self._rows.put(number, chosen, rows.inputs[at])
        return True

    def _decode(
        self, rows: _Rows, block: LoadedBlock, at: NDArray[np.int64], chosen: NDArray[np.int64], walk: Pass
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Decode rows of a block to their places; those places and rows at which it succeeded."""
        problems = self._reader.decoder.fill(rows.inputs, at, block.inputs, chosen)
        if not problems:
            return at, chosen
        is_bad = np.zeros(len(at), dtype=np.bool_)
        is_bad[list(problems)] = True
        rows.inputs[at[is_bad]] = 0
        rows.weights[at[is_bad]] = 0
        rows.is_row[at[is_bad]] = False
        walk.bad_rows.add({block.keys[int(chosen[place])].as_py(): why for place, why in problems.items()})
        return at[~is_bad], chosen[~is_bad]


def _cut(rows: _Rows, start: int, stop: int) -> Batch:
    part = slice(start, stop)
    keys = BatchKeys(rows.keys, start, stop)
    return Batch(rows.inputs[part], rows.labels[part], rows.weights[part], keys, rows.is_row[part])

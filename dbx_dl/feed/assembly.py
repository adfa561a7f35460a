"""Places in an order of rows become batches: several steps at once, so that each block is touched once for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Batch
from dbx_dl.feed.keys import BatchKeys, RowKeys
from dbx_dl.feed.shards import PADDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.feed.augmentation import Augmentation
    from dbx_dl.feed.bad_rows import BadRows
    from dbx_dl.feed.blocks import BlockCache, BlockReader
    from dbx_dl.feed.row_cache import RowCache
    from dbx_dl.feed.shuffle import RowOrder


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
        for number, at, chosen in _by_block(*walk.order.locate(places[filled])):
            self._fill(rows, number, filled[at], chosen, walk)
        if walk.augmentation is not None:
            walk.augmentation.apply(rows.inputs, rows.keys.texts, rows.is_row)
        size = places_sb.shape[1]
        return [_cut(rows, start, start + size) for start in range(0, len(places), size)]

    def _fill(self, rows: _Rows, number: int, at: NDArray[np.int64], chosen: NDArray[np.int64], walk: Pass) -> None:
        slots = self._rows.find(number, chosen) if self._rows is not None else None
        is_cached = slots is not None and bool((slots >= 0).all())
        block = self._blocks.load(number, with_inputs=not is_cached)
        rows.keys.put(at, block.keys.take(chosen))
        rows.labels[at] = block.labels[chosen]
        rows.weights[at] = block.weights[chosen] if walk.is_training and block.weights is not None else 1
        rows.is_row[at] = True
        if self._rows is not None and slots is not None:
            is_here = slots >= 0
            rows.inputs[at[is_here]] = self._rows.take(slots[is_here])
            at, chosen = at[~is_here], chosen[~is_here]
        if len(at):
            self._decode(rows, number, at, chosen, walk)

    def _decode(self, rows: _Rows, number: int, at: NDArray[np.int64], chosen: NDArray[np.int64], walk: Pass) -> None:
        block = self._blocks.load(number)
        values, problems = self._reader.decoder.take(block.inputs, chosen)
        rows.inputs[at] = values
        is_good = np.ones(len(at), dtype=np.bool_)
        if problems:
            is_good[list(problems)] = False
            rows.weights[at[~is_good]] = 0
            rows.is_row[at[~is_good]] = False
            walk.bad_rows.add({block.keys[int(chosen[place])].as_py(): why for place, why in problems.items()})
        if self._rows is not None:
            self._rows.put(number, chosen[is_good], values[is_good])


def _by_block(
    numbers: NDArray[np.int64], rows: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """(block, where in `rows` its rows are, those rows) for every block that occurs."""
    ordered = np.argsort(numbers, kind="stable")
    for at in np.split(ordered, np.flatnonzero(np.diff(numbers[ordered])) + 1):
        if len(at):
            yield int(numbers[at[0]]), at, rows[at]


def _cut(rows: _Rows, start: int, stop: int) -> Batch:
    part = slice(start, stop)
    keys = BatchKeys(rows.keys, start, stop)
    return Batch(rows.inputs[part], rows.labels[part], rows.weights[part], keys, rows.is_row[part])

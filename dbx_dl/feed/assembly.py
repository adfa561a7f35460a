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
from dbx_dl.feed.trimming import count_used_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.feed.augmentation import Augmentation
    from dbx_dl.feed.bad_rows import BadRows
    from dbx_dl.feed.blocks import BlockCache, BlockReader, LoadedBlock
    from dbx_dl.feed.resident import ResidentRows
    from dbx_dl.feed.row_cache import RowCache


@dataclass(frozen=True)
class Pass:
    """One walk over a split: its order, what could not be decoded, and, in training, weights and augmentation."""

    order: RowOrder
    bad_rows: BadRows
    is_training: bool
    augmentation: Augmentation | None


@dataclass(frozen=True)
class _Rows:
    """Arrays of some steps, N rows in all; those of padding are zeros."""

    inputs: np.ndarray
    labels: np.ndarray
    weights: NDArray[np.float32]
    sample_weights: NDArray[np.float32]
    is_row: NDArray[np.bool_]
    keys: RowKeys


class Assembler:
    """Fills batches from blocks, and from decoded rows that are held or cached; any number of threads may use it."""

    def __init__(
        self, reader: BlockReader, blocks: BlockCache, resident: ResidentRows | None, rows: RowCache | None
    ) -> None:
        self._reader = reader
        self._blocks = blocks
        self._resident = resident
        self._rows = rows

    def assemble(self, places_sb: NDArray[np.int64], walk: Pass) -> list[Batch]:
        """The batches of S steps; `places_sb` int64 (S, B) are places in the pass's order, or PADDING."""
        places = places_sb.ravel()
        is_row = places != PADDING
        filled = np.flatnonzero(is_row)
        numbers, chosen = walk.order.locate(places[filled])
        if self._resident is not None:
            rows = self._take(self._resident, is_row, numbers, chosen, walk)
        else:
            rows = self._start(is_row)
            parts = [(number, filled[at], chosen[at]) for number, at in group_places(numbers)]
            # Blocks that another thread is reading come last: threads that begin together each read some of them.
            for part in [part for part in parts if not self._fill(rows, *part, walk, self._blocks.offer)]:
                self._fill(rows, *part, walk, self._blocks.load)
        if walk.augmentation is not None:
            walk.augmentation.apply(rows.inputs, rows.keys.texts, rows.is_row, rows.labels)
        size = places_sb.shape[1]
        return [_cut(rows, start, start + size) for start in range(0, len(places), size)]

    def measure_lengths(self, places: NDArray[np.int64], order: RowOrder) -> NDArray[np.int64]:
        """Steps int64 (N,) that the rows at places (N,) in an order need: up to the last one that is no padding."""
        numbers, chosen = order.locate(places)
        lengths = np.empty(len(places), np.int64)
        for number, at in group_places(numbers):
            block = self._blocks.load(number)
            if self._resident is not None:
                inputs = self._resident.take_inputs(number, chosen[at])
            else:
                inputs = block.inputs.take(chosen[at], axis=0)
            lengths[at] = count_used_steps(inputs)
        return lengths

    def _take(
        self,
        resident: ResidentRows,
        is_row: NDArray[np.bool_],
        numbers: NDArray[np.int64],
        chosen: NDArray[np.int64],
        walk: Pass,
    ) -> _Rows:
        """Rows that are held decoded, of blocks that are read first where they are not there yet."""
        present = np.flatnonzero(np.bincount(numbers)).tolist()
        offered = {number: self._blocks.offer(number) for number in present}
        blocks = {number: block or self._blocks.load(number) for number, block in offered.items()}
        held = resident.take(resident.find(numbers, chosen), with_weights=walk.is_training)
        keys = RowKeys(len(is_row))
        keys.put(np.flatnonzero(is_row), numbers, chosen, {number: block.keys for number, block in blocks.items()})
        inputs, labels, weights, sample_weights = (_spread(values, is_row) for values in held)
        return _Rows(inputs, labels, weights, sample_weights, is_row, keys)

    def _start(self, is_row: NDArray[np.bool_]) -> _Rows:
        """Arrays that are filled block by block."""
        decoder, labels, num_rows = self._reader.decoder, self._reader.labels, len(is_row)
        inputs_nx = np.empty((num_rows, *decoder.row_shape), decoder.dtype)
        labels_nx = np.empty((num_rows, *labels.row_shape), labels.dtype)
        inputs_nx[~is_row] = 0
        labels_nx[~is_row] = 0
        weights, sample_weights = is_row.astype(np.float32), is_row.astype(np.float32)
        return _Rows(inputs_nx, labels_nx, weights, sample_weights, is_row, RowKeys(num_rows))

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
        rows.keys.put(at, np.full(len(at), number), chosen, {number: block.keys})
        rows.labels[at] = block.labels[chosen]
        if walk.is_training and block.weights is not None:
            rows.weights[at] = block.weights[chosen]
        if block.sample_weights is not None:
            rows.sample_weights[at] = block.sample_weights[chosen]
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
        rows.sample_weights[at[is_bad]] = 0
        rows.is_row[at[is_bad]] = False
        walk.bad_rows.add({block.keys[int(chosen[place])].as_py(): why for place, why in problems.items()})
        return at[~is_bad], chosen[~is_bad]


def _spread(values: np.ndarray, is_row: NDArray[np.bool_]) -> np.ndarray:
    """Values of rows at their places among N, zeros elsewhere."""
    if len(values) == len(is_row):
        return values
    spread = np.zeros((len(is_row), *values.shape[1:]), values.dtype)
    spread[is_row] = values
    return spread


def _cut(rows: _Rows, start: int, stop: int) -> Batch:
    part = slice(start, stop)
    keys = BatchKeys(rows.keys, start, stop)
    inputs, labels, weights = rows.inputs[part], rows.labels[part], rows.weights[part]
    return Batch(inputs, labels, weights, keys, rows.is_row[part], rows.sample_weights[part])

"""A split of a prepared table as one rank's batches, or as rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Batch
from dbx_dl.errors import ConfigError
from dbx_dl.feed.blocks import LABEL_COLUMN, BlockCache, read_block
from dbx_dl.feed.decoding import create_decoder
from dbx_dl.feed.files import Block, list_blocks
from dbx_dl.feed.prefetch import read_ahead
from dbx_dl.feed.shards import PADDING, Share, count_lanes, evaluation_rows, start_lanes, training_rows
from dbx_dl.feed.shuffle import RowOrder, order_lanes

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import PreparedTable, Split
    from dbx_dl.feed.decoding import Decoder

CACHE_BYTES = 512 * 2**20
_BATCHES_AHEAD = 3


class Feed:
    """One rank's share of a split; `batches` gives the same number of batches on every rank."""

    def __init__(
        self, share: Share, blocks: tuple[Block, ...], cache: BlockCache, decoder: Decoder, seed: int, window_rows: int
    ) -> None:
        self.share = share
        self._block_rows = [block.num_rows for block in blocks]
        self._cache = cache
        self._decoder = decoder
        self._seed = seed
        self._window_rows = window_rows

    @property
    def num_rows(self) -> int:
        """Rows of the split, over all ranks."""
        return self.share.num_rows

    @property
    def num_steps(self) -> int:
        """Batches per epoch, the same on every rank."""
        return self.share.num_steps

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        """The rank's batches from `first_step` on, read ahead in a thread.

        With an epoch number (from 0 or 1), rows come in that epoch's seeded order. With None they come in stored
        order, one consecutive stretch per rank: the ranks' rows in rank order are the split in stored order.
        DataError when a file is gone or an image cannot be decoded.
        """
        return read_ahead(self._make_batches(epoch, first_step), _BATCHES_AHEAD)

    def _make_batches(self, epoch: int | None, first_step: int) -> Iterator[Batch]:
        order = RowOrder(self._block_rows, seed=self._seed, epoch=epoch, window_rows=self._window_rows)
        for places in self._choose_places(epoch, first_step):
            yield self._assemble(places, order)

    def _choose_places(self, epoch: int | None, first_step: int) -> Iterator[NDArray[np.int64]]:
        steps = range(first_step, self.num_steps)
        if epoch is None:
            return (evaluation_rows(self.share, step) for step in steps)
        lanes = order_lanes(count_lanes(self.share.num_ranks), seed=self._seed, epoch=epoch)
        starts = start_lanes(self.num_rows, lanes)
        return (training_rows(self.share, starts, step) for step in steps)

    def _assemble(self, places: NDArray[np.int64], order: RowOrder) -> Batch:
        size = len(places)
        inputs = np.zeros((size, *self._decoder.row_shape), dtype=self._decoder.dtype)
        labels = np.zeros(size, dtype=np.int64)
        keys = [""] * size
        (filled,) = np.nonzero(places != PADDING)
        numbers, rows = order.locate(places[filled])
        for number in np.unique(numbers):
            block = self._cache.load(int(number))
            chosen = rows[numbers == number]
            at = filled[numbers == number]
            block_keys = block.keys.take(chosen).to_pylist()
            inputs[at] = self._decoder.take(block.inputs, chosen.tolist(), block_keys)
            labels[at] = block.labels[chosen]
            for place, key in zip(at, block_keys, strict=True):
                keys[place] = key
        return Batch(inputs, labels, (places != PADDING).astype(np.float32), tuple(keys))


def open_feed(
    prepared: PreparedTable,
    split: Split,
    *,
    batch_size: int,
    rank: int,
    num_ranks: int,
    seed: int,
    window_rows: int,
    cache_bytes: int = CACHE_BYTES,
    num_threads: int = 2,
) -> Feed:
    """Open a rank's share of a split at the pinned version; rows are read and decoded when batches are asked for.

    Batches have `batch_size` rows; the feed keeps up to about `cache_bytes` of blocks and decodes images in
    `num_threads` threads. DataError when the table cannot be read as asked, see `files.list_blocks`.
    """
    if not 0 <= rank < num_ranks or batch_size < 1 or window_rows < 1:
        raise ConfigError(f"no feed for rank {rank} of {num_ranks}, batch size {batch_size}, window {window_rows}")
    decoder = create_decoder(prepared.inputs, num_threads)
    columns = (prepared.key_column, *decoder.columns, LABEL_COLUMN)
    blocks = list_blocks(prepared.table, split, key_column=prepared.key_column, columns=columns)
    share = Share(sum(block.num_rows for block in blocks), rank, num_ranks, batch_size)
    cache = BlockCache(blocks, prepared.key_column, decoder, cache_bytes)
    return Feed(share, blocks, cache, decoder, seed, window_rows)


def read_rows(
    prepared: PreparedTable, split: Split, limit: int | None = None, *, keys: list[str] | None = None
) -> pa.Table:
    """Raw rows of a split in key order: the key, the input columns, `label_index`.

    `limit` gives the first rows only, `keys` those with these keys only; in both cases only the blocks that hold them
    are read whole. DataError as in `open_feed`.
    """
    import pyarrow as pa

    columns = [prepared.key_column, *_input_columns(prepared), LABEL_COLUMN]
    blocks = list_blocks(prepared.table, split, key_column=prepared.key_column, columns=columns)
    found = [(key, number, row) for number, row, key in _read_keys(blocks, prepared.key_column)]
    wanted = None if keys is None else set(keys)
    chosen = sorted(place for place in found if wanted is None or place[0] in wanted)[:limit]
    parts, places = [], []
    for number in sorted({number for _, number, _ in chosen}):
        mine = [(place, row) for place, (_, owner, row) in enumerate(chosen) if owner == number]
        parts.append(read_block(blocks[number], columns).take(pa.array([row for _, row in mine])))
        places += [place for place, _ in mine]
    if not parts:
        return _empty_rows(prepared, columns)
    return pa.concat_tables(parts, promote_options="permissive").take(pa.array(np.argsort(places)))


def read_keys(prepared: PreparedTable, split: Split) -> list[str]:
    """All keys of a split in stored order, the order of evaluation outputs."""
    blocks = list_blocks(prepared.table, split, key_column=prepared.key_column, columns=[prepared.key_column])
    return [key for _, _, key in _read_keys(blocks, prepared.key_column)]


def _read_keys(blocks: tuple[Block, ...], key_column: str) -> Iterator[tuple[int, int, str]]:
    for number, block in enumerate(blocks):
        for row, key in enumerate(read_block(block, [key_column]).column(key_column).to_pylist()):
            yield number, row, str(key)


def _input_columns(prepared: PreparedTable) -> tuple[str, ...]:
    return (prepared.inputs.column,) if prepared.inputs.kind == "images" else prepared.inputs.columns


def _empty_rows(prepared: PreparedTable, columns: list[str]) -> pa.Table:
    import pyarrow as pa

    kinds = {prepared.key_column: pa.string(), LABEL_COLUMN: pa.int32()}
    if prepared.inputs.kind == "images":
        kinds[prepared.inputs.column] = pa.binary()
    else:
        types = {
            "numeric": pa.float64(),
            "categorical": pa.string(),
            "hashed": pa.string(),
            "datetime": pa.timestamp("us", "UTC"),
            "embedding": pa.list_(pa.float64()),
        }
        kinds |= {feature.column: types[feature.kind] for feature in prepared.inputs.features}
    return pa.schema([(name, kinds[name]) for name in columns]).empty_table()

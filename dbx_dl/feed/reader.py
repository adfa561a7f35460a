"""A split of a prepared table as one rank's batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import SPLITS, Batch
from dbx_dl.errors import ConfigError
from dbx_dl.feed.assembly import Assembler, Pass
from dbx_dl.feed.augmentation import Augmentation, check_augment
from dbx_dl.feed.bad_rows import BadRows
from dbx_dl.feed.blocks import BlockCache, BlockReader
from dbx_dl.feed.capacity import choose_threads, plan_ahead, warn_of_thrashing
from dbx_dl.feed.decoding import create_decoder
from dbx_dl.feed.delta_log import read_log
from dbx_dl.feed.files import Block, list_blocks
from dbx_dl.feed.length_buckets import LengthBuckets
from dbx_dl.feed.prefetch import map_ahead
from dbx_dl.feed.resident import hold_rows
from dbx_dl.feed.row_cache import open_row_cache
from dbx_dl.feed.shards import Share, count_lanes, evaluation_rows, start_lanes, training_rows
from dbx_dl.feed.shuffle import RowOrder, order_lanes
from dbx_dl.feed.targets import LabelReader, WeightReader, open_labels
from dbx_dl.feed.trimming import trim_batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import PreparedTable, Split


class Feed:
    """One rank's share of a split; `batches` gives the same number of batches on every rank."""

    def __init__(
        self,
        share: Share,
        blocks: tuple[Block, ...],
        reader: BlockReader,
        config: FeedConfig,
        *,
        split: Split,
        seed: int,
        num_threads: int,
    ) -> None:
        self.share = share
        self._block_rows = [block.num_rows for block in blocks]
        self._reader = reader
        self._config = config
        self._split = split
        self._seed = seed
        self.ahead = plan_ahead(config, reader, share.batch_size, num_threads)
        decoder, capacity_bytes = reader.decoder, config.max_memory_bytes - self.ahead.num_bytes
        rows = open_row_cache(config.cache, self._block_rows, decoder.row_shape, decoder.dtype)
        resident = hold_rows(blocks, reader, capacity_bytes) if rows is None else None
        if resident is None:
            cache = BlockCache(blocks, reader.read, capacity_bytes)
        else:
            cache = BlockCache(blocks, resident.read, capacity_bytes - resident.num_bytes)
        self.holds_rows = resident is not None
        self._assembler = Assembler(reader, cache, resident, rows)

    @property
    def num_rows(self) -> int:
        """Rows of the split, over all ranks."""
        return self.share.num_rows

    @property
    def num_steps(self) -> int:
        """Batches per epoch, the same on every rank."""
        return self.share.num_steps

    @property
    def signature(self) -> dict[str, Any]:
        """Shapes of one row and types of inputs and labels, as `frameworks.keras.open_dataset` takes them."""
        decoder, labels = self._reader.decoder, self._reader.labels
        return {
            "input_shape": (None, *decoder.row_shape[1:]) if self._is_trimmed else decoder.row_shape,
            "input_dtype": decoder.dtype,
            "label_shape": labels.row_shape,
            "label_dtype": labels.dtype,
        }

    @property
    def _is_trimmed(self) -> bool:
        """Whether batches are cut to what their rows need; not where each step has a label."""
        labels = self._reader.labels
        is_framed = isinstance(labels, LabelReader) and labels.is_framed
        return self._reader.decoder.is_padded and not is_framed

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        """The rank's batches from `first_step` on, made ahead in threads; what is before that is not read.

        With an epoch number (from 0 or 1), rows come in that epoch's seeded order, weighted and augmented as the
        config says. With None they come in stored order, each with weight 1, one consecutive stretch per rank: the
        ranks' rows in rank order are the split in stored order. Sample weights are given in both cases, for metrics.
        DataError when a file is gone, when more rows cannot be decoded than the config allows, and in stored order when
        a single one cannot.
        """
        walk = self._start_pass(epoch)
        groups = map_ahead(
            lambda places_sb: self._assembler.assemble(places_sb, walk),
            self._group_steps(epoch, first_step, walk.order),
            num_threads=self.ahead.num_threads,
            num_ahead=self.ahead.num_groups,
        )
        with closing(groups):
            for group in groups:
                yield from map(trim_batch, group) if self._is_trimmed else group
        walk.bad_rows.log()

    def epochs(self, first_epoch: int = 1) -> Epochs:
        """An iterable for loops that are not ours: every new iteration over it is the next epoch."""
        return Epochs(self, first_epoch)

    def _start_pass(self, epoch: int | None) -> Pass:
        config = self._config
        order = RowOrder(self._block_rows, seed=self._seed, epoch=epoch, window_rows=config.shuffle_window_rows)
        # Metrics of fewer rows would not be those of the split.
        max_fraction = config.max_bad_fraction if epoch is not None else 0.0
        bad_rows = BadRows(self._split, -(-self.num_rows // self.share.num_ranks), max_fraction)
        is_augmented = epoch is not None and config.augment.is_active
        flip_label = self._reader.labels.flip_label
        augmentation = Augmentation(config.augment, self._seed, epoch or 0, flip_label) if is_augmented else None
        return Pass(order, bad_rows, epoch is not None, augmentation)

    def _group_steps(self, epoch: int | None, first_step: int, order: RowOrder) -> Iterator[NDArray[np.int64]]:
        """Places int64 (steps, batch size) of the first step, of the next two, four, …: the first batch comes soon."""
        share, step, size = self.share, first_step, 1
        num_steps = share.num_covering_steps if epoch is None else share.num_steps
        find_rows = self._find_evaluation_rows if epoch is None else self._open_epoch(epoch, order)
        while step < num_steps:
            steps = np.arange(step, min(step + size, num_steps))
            yield find_rows(steps)
            step, size = step + len(steps), min(2 * size, self.ahead.max_steps)

    def _find_evaluation_rows(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        return evaluation_rows(self.share, steps[:, np.newaxis])

    def _open_epoch(self, epoch: int, order: RowOrder) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
        share, seed, num_steps = self.share, self._seed, self._config.length_bucket_steps
        starts = start_lanes(self.num_rows, order_lanes(count_lanes(share.num_ranks), seed=seed, epoch=epoch))
        if not self._is_trimmed or num_steps == 1:
            return lambda steps: training_rows(share, starts, steps[:, np.newaxis])

        def measure(places: NDArray[np.int64]) -> NDArray[np.int64]:
            return self._assembler.measure_lengths(places, order)

        return LengthBuckets(share, starts, num_steps, measure, seed=seed, epoch=epoch).find_rows


class Epochs(Iterable[Batch]):
    """Batches of a feed, epoch after epoch: as often as it is iterated over; its length is one epoch's."""

    def __init__(self, feed: Feed, first_epoch: int) -> None:
        self._feed = feed
        self._epoch = first_epoch

    def __len__(self) -> int:
        return self._feed.num_steps

    def __iter__(self) -> Iterator[Batch]:
        epoch, self._epoch = self._epoch, self._epoch + 1
        return self._feed.batches(epoch)


def open_feed(
    prepared: PreparedTable,
    split: Split,
    *,
    batch_size: int,
    rank: int = 0,
    num_ranks: int = 1,
    seed: int = 0,
    config: FeedConfig | None = None,
    num_threads: int | None = None,
) -> Feed:
    """Open a rank's share of a split at the pinned version; rows are read and decoded when batches are asked for.

    Every rank's batches have `batch_size` rows, of texts only as many steps as the longest of them needs. They are
    decoded in up to `num_threads` threads, in so many as the config says where it does. Works without our training loop
    too:

        feed = dbx_dl.open_feed(prepared, "train", batch_size=32)
        model.fit(frameworks.keras.open_dataset(feed.epochs(), **feed.signature), epochs=5)      # Keras
        loader = DataLoader(frameworks.torch.BatchDataset(feed.epochs()), batch_size=None)       # PyTorch

    ConfigError and DataError when the table cannot be read as asked, see `delta_log.read_log`, `files.list_blocks` and
    `targets`.
    """
    config = config or FeedConfig()
    if not 0 <= rank < num_ranks or batch_size < 1:
        raise ConfigError(f"no feed for rank {rank} of {num_ranks}, batch size {batch_size}")
    if split not in SPLITS:
        raise ConfigError(f"there is no split {split!r}: choose one of {', '.join(SPLITS)}")
    check_augment(prepared, config.augment)
    reader = BlockReader(
        prepared.key_column,
        create_decoder(prepared.inputs),
        open_labels(prepared),
        WeightReader(prepared, config),
    )
    log = read_log(prepared.feed_table, {**prepared.storage_options, **config.storage_options})
    blocks = list_blocks(log, split, key_column=prepared.key_column, columns=reader.columns)
    share = Share(sum(block.num_rows for block in blocks), rank, num_ranks, batch_size, config.drop_last)
    if split == "train" and share.num_rows and not share.num_steps:
        raise ConfigError(
            f"feed.drop_last leaves nothing of {share.num_rows} rows: a step takes {share.global_batch_size}, lower "
            "train.batch_size"
        )
    threads = config.num_threads or choose_threads(prepared, blocks, num_threads or os.cpu_count() or 1)
    feed = Feed(share, blocks, reader, config, split=split, seed=seed, num_threads=threads)
    if split == "train" and config.cache.where == "none" and not feed.holds_rows:
        warn_of_thrashing(prepared, blocks, share, config.max_memory_bytes)
    return feed

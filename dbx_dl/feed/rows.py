"""Raw rows and keys of a split of a prepared table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.feed.augmentation import check_augment
from dbx_dl.feed.delta_log import read_log
from dbx_dl.feed.files import Block, list_blocks, read_block, require_columns
from dbx_dl.feed.targets import WeightReader, open_labels

if TYPE_CHECKING:
    import pyarrow as pa

    from dbx_dl.config import FeedConfig
    from dbx_dl.contracts import PreparedTable, Split


def read_rows(
    prepared: PreparedTable, split: Split, limit: int | None = None, *, keys: list[str] | None = None
) -> pa.Table:
    """Raw rows of a split in key order: the key, the input columns, and `label_index` (`label` of numbers).

    `limit` gives the first rows only, `keys` those with these keys only; in both cases only the blocks that hold them
    are read whole. DataError as in `reader.open_feed`.
    """
    import pyarrow as pa

    columns = [prepared.key_column, *input_columns(prepared), *open_labels(prepared).columns]
    blocks, types = _open_blocks(prepared, split, columns)
    found = [(key, number, row) for number, row, key in _read_keys(blocks, prepared.key_column)]
    wanted = None if keys is None else set(keys)
    chosen = sorted(place for place in found if wanted is None or place[0] in wanted)[:limit]
    parts, places = [], []
    for number in sorted({number for _, number, _ in chosen}):
        mine = [(place, row) for place, (_, owner, row) in enumerate(chosen) if owner == number]
        parts.append(read_block(blocks[number], columns).take(pa.array([row for _, row in mine])))
        places += [place for place, _ in mine]
    if not parts:
        return pa.schema([types.field(name) for name in columns]).empty_table()
    return pa.concat_tables(parts, promote_options="permissive").take(pa.array(np.argsort(places)))


def read_keys(prepared: PreparedTable, split: Split) -> list[str]:
    """All keys of a split in stored order, the order of evaluation outputs."""
    blocks, _ = _open_blocks(prepared, split, [prepared.key_column])
    return [key for _, _, key in _read_keys(blocks, prepared.key_column)]


def check_table(prepared: PreparedTable, config: FeedConfig) -> None:
    """Open the table's log, and nothing else: DataError and ConfigError as in `reader.open_feed`."""
    check_augment(prepared, config.augment)
    columns = list_columns(prepared, config)
    require_columns(read_log(prepared.feed_table, prepared.storage_options), columns)


def list_columns(prepared: PreparedTable, config: FeedConfig) -> tuple[str, ...]:
    """All columns that training reads, but `split`."""
    labels, weights = open_labels(prepared), WeightReader(prepared, config)
    return (prepared.key_column, *input_columns(prepared), *labels.columns, *weights.columns)


def input_columns(prepared: PreparedTable) -> tuple[str, ...]:
    """The raw columns that a network's inputs are made of."""
    return prepared.inputs.columns


def _open_blocks(prepared: PreparedTable, split: Split, columns: list[str]) -> tuple[tuple[Block, ...], pa.Schema]:
    log = read_log(prepared.feed_table, prepared.storage_options)
    return list_blocks(log, split, key_column=prepared.key_column, columns=columns), log.schema


def _read_keys(blocks: tuple[Block, ...], key_column: str) -> Iterator[tuple[int, int, str]]:
    for number, block in enumerate(blocks):
        for row, key in enumerate(read_block(block, [key_column]).column(key_column).to_pylist()):
            yield number, row, str(key)

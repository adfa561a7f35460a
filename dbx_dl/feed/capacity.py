"""How far a feed works ahead, in how many threads, and whether what it reads from fits into its memory."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.feed.shards import Share, count_lanes

if TYPE_CHECKING:
    from dbx_dl.config import FeedConfig
    from dbx_dl.contracts import PreparedTable
    from dbx_dl.feed.blocks import BlockReader
    from dbx_dl.feed.files import Block

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE, _BYTES_AT_ONCE = 32_768, 4 * 2**20
_AHEAD_SHARE = 0.25
# Decoding small files in several threads is slower than in one: they wait for each other's Python.
_SMALL_FILE_BYTES = 4096


@dataclass(frozen=True)
class ReadAhead:
    """How far ahead of its consumer a feed works: steps that are filled together, and how many such groups wait."""

    num_threads: int
    num_groups: int
    max_steps: int
    num_bytes: int


def warn_of_thrashing(prepared: PreparedTable, blocks: tuple[Block, ...], share: Share, max_memory_bytes: int) -> None:
    """Tell of row groups that will be read over and over, since those of a rank's lanes do not fit into memory."""
    num_open = min(len(blocks), count_lanes(share.num_ranks) // share.num_ranks)
    num_bytes = num_open * max((block.num_bytes for block in blocks), default=0)
    if num_bytes > max_memory_bytes:
        logger.warning(
            "a rank reads from %d row groups of table %s at once, %s bytes that do not fit feed.max_memory_bytes: they "
            "are read again and again, unless that is raised or feed.cache.where is set to disk",
            num_open,
            prepared.table.name,
            f"{num_bytes:,}",
        )


def choose_threads(prepared: PreparedTable, blocks: tuple[Block, ...], num_threads: int) -> int:
    """Threads that a feed decodes in when the config does not say."""
    num_bytes, num_rows = (sum(counts) for counts in ([b.num_bytes for b in blocks], [b.num_rows for b in blocks]))
    is_small = isinstance(prepared.inputs, FileSpec) and num_bytes < _SMALL_FILE_BYTES * num_rows
    return 1 if is_small else num_threads


def plan_ahead(config: FeedConfig, reader: BlockReader, batch_size: int, num_threads: int) -> ReadAhead:
    """As many steps at once, and as many groups of them ahead, as fit a quarter of the memory; one batch at least."""
    row_bytes = reader.row_bytes + 1
    budget = int(config.max_memory_bytes * _AHEAD_SHARE)
    # The consumer holds on to one group while the others are made.
    num_groups = max(1, min(num_threads + 1, budget // (row_bytes * batch_size) - 1))
    num_rows = min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // row_bytes, budget // ((num_groups + 1) * row_bytes))
    max_steps = max(1, num_rows // batch_size)
    num_bytes = (num_groups + 1) * max_steps * batch_size * row_bytes
    return ReadAhead(min(num_threads, num_groups), num_groups, max_steps, num_bytes)

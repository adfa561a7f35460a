"""Which Parquet row groups hold which rows of a split of a pinned Delta version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.errors import DataError, VersionGoneError
from dbx_dl.feed.delta_log import DataFile, PinnedLog, describe_table
from dbx_dl.feed.storage import Storage

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from dbx_dl.contracts import Split

SPLIT_COLUMN = "split"
_FOOTER_THREADS = 8


@dataclass(frozen=True)
class Origin:
    """What a file's rows have beside the file: where it lies, partition values, and the table's types."""

    storage: Storage
    partition: Mapping[str, Any]
    schema: pa.Schema


@dataclass(frozen=True)
class Block:
    """One row group of one data file: the smallest thing that is read.

    `rows` are the int64 (num_rows,) rows of it that count, or None where all do.
    """

    path: str
    row_group: int
    num_rows: int
    num_bytes: int = 0
    rows: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)
    origin: Origin | None = field(default=None, compare=False, repr=False)


def list_blocks(log: PinnedLog, split: Split, *, key_column: str, columns: Sequence[str]) -> tuple[Block, ...]:
    """The row groups with rows of a split, in the same order on every machine: by smallest key, then by path.

    DataError when a column is missing, VersionGoneError when a file is gone.
    """
    require_columns(log, columns)
    files = list_files(log, split, key_column)
    with ThreadPoolExecutor(_FOOTER_THREADS) as pool:
        groups = list(pool.map(lambda file: _read_footer(log, file, split, columns), files))
    return tuple(block for blocks in groups for block in blocks)


def require_columns(log: PinnedLog, columns: Sequence[str]) -> None:
    """DataError unless the table has these columns and `split`."""
    missing = [name for name in (*columns, SPLIT_COLUMN) if name not in log.schema.names]
    if missing:
        raise DataError(f"{describe_table(log.table)} has no column {', '.join(missing)}: write it with prepare")


def list_files(log: PinnedLog, split: Split, key_column: str) -> list[DataFile]:
    """The data files that may hold rows of a split, by smallest key, then by path."""
    chosen = [file for file in log.files if _may_hold(file, split)]
    return sorted(chosen, key=lambda file: (str(file.bounds.get(key_column, ("",))[0] or ""), file.path))


def read_block(block: Block, columns: Sequence[str]) -> pa.Table:
    """Some columns of a block's rows; DataError when its file is gone or damaged.

    Partition columns have their file's value, columns that the table got after the file was written are null.
    """
    import pyarrow as pa

    names = list(dict.fromkeys(columns))
    storage = block.origin.storage if block.origin else Storage("/")
    try:
        with storage.open_parquet(block.path) as file:
            written = set(file.schema_arrow.names)
            present = [name for name in names if name in written]
            table = file.read_row_group(block.row_group, columns=present, use_threads=False)
    except FileNotFoundError:
        raise VersionGoneError(f"data file {block.path} was vacuumed: run the prepare stage again") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"data file {block.path} cannot be read: {storage.explain(error)}") from None
    if block.rows is not None:
        table = table.take(pa.array(block.rows))
    if len(present) == len(names):
        return table.select(names)
    return pa.table({name: table.column(name) if name in present else _constant(block, name) for name in names})


def _constant(block: Block, name: str) -> pa.Array:
    import pyarrow as pa

    if block.origin is None:
        raise DataError(f"data file {block.path} has no column {name}")
    kind = block.origin.schema.field(name).type
    value = block.origin.partition.get(name)
    return pa.nulls(block.num_rows, kind) if value is None else pa.repeat(pa.scalar(value, kind), block.num_rows)


def _may_hold(file: DataFile, split: Split) -> bool:
    if SPLIT_COLUMN in file.partition:
        return bool(file.partition[SPLIT_COLUMN] == split)
    low, high = file.bounds.get(SPLIT_COLUMN, (None, None))
    return (low is None or low <= split) and (high is None or split <= high)


def _read_footer(log: PinnedLog, data: DataFile, split: Split, columns: Sequence[str]) -> list[Block]:
    import pyarrow as pa

    try:
        with log.storage.open_parquet(data.path) as file:
            return list(_choose_blocks(file, log, data, split, columns))
    except FileNotFoundError:
        raise VersionGoneError(
            f"{describe_table(log.table)} lacks its data file {data.path}: it was vacuumed, run the prepare stage again"
        ) from None
    except (pa.ArrowException, OSError) as error:
        reason = log.storage.explain(error)
        raise DataError(f"data file {data.path} of {describe_table(log.table)} cannot be read: {reason}") from None


def _choose_blocks(
    file: pq.ParquetFile, log: PinnedLog, data: DataFile, split: Split, columns: Sequence[str]
) -> list[Block]:
    origin = Origin(log.storage, data.partition, log.schema)
    is_read = {name for name in columns if name not in data.partition}
    blocks, start = [], 0
    for group in range(file.metadata.num_row_groups):
        footer = file.metadata.row_group(group)
        rows = _choose_rows(file, data, split, group, start)
        num_rows = footer.num_rows if rows is None else len(rows)
        parts = [footer.column(index) for index in range(footer.num_columns)]
        size = sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in is_read)
        start += footer.num_rows
        if num_rows:
            blocks.append(Block(data.path, group, num_rows, size, rows, origin))
    return blocks


def _choose_rows(
    file: pq.ParquetFile, data: DataFile, split: Split, group: int, start: int
) -> NDArray[np.int64] | None:
    """The rows of a row group that are of the split and not deleted; None where these are all."""
    num_rows = file.metadata.row_group(group).num_rows
    is_chosen = _find_split(file, data, split, group)
    if data.kept is not None:
        # What a mask does not reach is kept.
        kept = data.kept[start : start + num_rows]
        is_kept = np.concatenate([kept, np.ones(num_rows - len(kept), dtype=np.bool_)])
        is_chosen = is_kept if is_chosen is None else is_chosen & is_kept
    return None if is_chosen is None or is_chosen.all() else np.flatnonzero(is_chosen)


def _find_split(file: pq.ParquetFile, data: DataFile, split: Split, group: int) -> NDArray[np.bool_] | None:
    """Which rows of a row group are of the split, or None where all are; read only where statistics do not tell."""
    if SPLIT_COLUMN in data.partition:
        return None
    footer = file.metadata.row_group(group)
    parts = [footer.column(index) for index in range(footer.num_columns)]
    part = next((part for part in parts if part.path_in_schema == SPLIT_COLUMN), None)
    if part is None:
        return np.zeros(footer.num_rows, dtype=np.bool_)
    found = part.statistics
    if found is not None and found.has_min_max and isinstance(found.min, str):
        if not found.min <= split <= found.max:
            return np.zeros(footer.num_rows, dtype=np.bool_)
        if found.min == found.max and found.has_null_count and not found.null_count:
            return None
    column = file.read_row_group(group, columns=[SPLIT_COLUMN], use_threads=False).column(0)
    return np.asarray(column.to_numpy() == split, dtype=np.bool_)

"""Which Parquet row groups hold a split of a pinned Delta version, read from the table's log without Spark."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from dbx_dl.errors import DataError, VersionGoneError

if TYPE_CHECKING:
    from dbx_dl.contracts import Split, TableVersion

_FOOTER_THREADS = 8


@dataclass(frozen=True)
class Block:
    """One row group of one data file: the smallest thing that is read."""

    path: str
    row_group: int
    num_rows: int


def list_blocks(table: TableVersion, split: Split, *, key_column: str, columns: Sequence[str]) -> tuple[Block, ...]:
    """The non-empty row groups of a split, in the same order on every machine: by smallest key, then by path.

    DataError when the version or one of its files is gone, when a column is missing, or when the table has a property
    that this reader does not know to read right.
    """
    paths = list_files(table, split, key_column)
    with ThreadPoolExecutor(_FOOTER_THREADS) as pool:
        groups = list(pool.map(lambda path: _read_footer(table, path, columns), paths))
    return tuple(block for blocks in groups for block in blocks)


def list_files(table: TableVersion, split: Split, key_column: str) -> list[str]:
    """Absolute paths of a split's data files at the pinned version, by smallest key, then by path."""
    import pyarrow as pa

    delta = _open_version(table)
    refuse_unknown_properties(table, delta.protocol(), delta.metadata())
    actions = pa.table(delta.get_add_actions(flatten=True))
    if "partition.split" not in actions.column_names:
        raise DataError(f"{describe_table(table)} is not partitioned by `split`: write it with the prepare stage")
    keys = f"min.{key_column}"
    rows = actions.select([name for name in ("path", "partition.split", keys) if name in actions.column_names])
    chosen = [row for row in rows.to_pylist() if row["partition.split"] == split]
    chosen.sort(key=lambda row: (str(row.get(keys) or ""), row["path"]))
    root = local_path(table.path)
    return [_data_file(root, row["path"]) for row in chosen]


def refuse_unknown_properties(table: TableVersion, protocol: Any, metadata: Any) -> None:
    """DataError unless the table needs nothing of a reader but Delta's first protocol.

    A list of what is allowed, since readers cannot be trusted to refuse: some return nulls on column-mapped tables.
    """
    features = ", ".join(protocol.reader_features or ())
    if protocol.min_reader_version != 1:
        raise DataError(
            f"{describe_table(table)} needs Delta reader version {protocol.min_reader_version}"
            f"{f' ({features})' if features else ''}, version 1 can be read: write it with the prepare stage"
        )
    mode = metadata.configuration.get("delta.columnMapping.mode") or "none"
    if mode != "none":
        raise DataError(f"{describe_table(table)} has delta.columnMapping.mode = {mode}: write it without")


def describe_table(table: TableVersion) -> str:
    """A table version as messages name it."""
    return f"table {table.name} version {table.version}"


def local_path(location: str) -> str:
    """The path of a location as this machine opens it: `file:` and `dbfs:` URIs become paths."""
    parsed = urlparse(location)
    if parsed.scheme == "file":
        return unquote(parsed.path)
    if parsed.scheme == "dbfs":
        return f"/dbfs{unquote(parsed.path)}"
    if "://" in location:
        raise DataError(f"{location} cannot be opened as a path: keep training tables on a mounted path or a volume")
    return location


def _open_version(table: TableVersion) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    path = local_path(table.path)
    try:
        return DeltaTable(path, version=table.version)
    except TableNotFoundError:
        raise DataError(f"there is no Delta table at {path}: run the prepare stage again") from None
    except (DeltaError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise VersionGoneError(
            f"{describe_table(table)} at {path} cannot be opened ({reason}): it was vacuumed or never existed, "
            "run the prepare stage again"
        ) from None


def _data_file(root: str, logged: str) -> str:
    # A shallow clone's log holds absolute URIs; everything else is a quoted path under the table.
    return local_path(logged) if ":/" in logged else str(Path(root) / unquote(logged))


def _read_footer(table: TableVersion, path: str, columns: Sequence[str]) -> list[Block]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(path)
    except FileNotFoundError:
        raise VersionGoneError(
            f"{describe_table(table)} lacks its data file {path}: it was vacuumed, run the prepare stage again"
        ) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"data file {path} of {describe_table(table)} cannot be read: {error}") from None
    missing = [name for name in columns if name not in footer.schema.to_arrow_schema().names]
    if missing:
        raise DataError(f"{describe_table(table)} has no column {', '.join(missing)} in {path}")
    counts = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
    return [Block(path, group, num_rows) for group, num_rows in enumerate(counts) if num_rows]

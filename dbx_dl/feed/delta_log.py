"""A pinned Delta version as its log describes it: data files, partition values, deleted rows, schema; without Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from dbx_dl.errors import DataError, VersionGoneError
from dbx_dl.feed.storage import Storage, local_path, locate_storage

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import TableVersion

# What a reader must know, and this one does. Column mapping counts as known as long as it is off, see below.
KNOWN_FEATURES = frozenset({"deletionVectors", "timestampNtz", "vacuumProtocolCheck", "v2Checkpoint", "columnMapping"})


class IndirectTableError(DataError):
    """A table with a property, `reason`, that this reader does not know to read right; Spark does."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: only Spark reads it right, train_network has it copied to a plain table first")
        self.reason = reason


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a version.

    `path` is as `Storage.open_parquet` takes it, `partition` its values of partition columns, `bounds` the smallest
    and largest value of other columns where the log has them, `kept` boolean (rows,), false for deleted rows, or None
    where all count.
    """

    path: str
    partition: Mapping[str, Any]
    bounds: Mapping[str, tuple[Any, Any]]
    kept: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class PinnedLog:
    """A version's files, in the log's order, and its schema."""

    table: TableVersion
    storage: Storage
    schema: pa.Schema
    files: tuple[DataFile, ...] = field(repr=False)


def read_log(table: TableVersion, options: Mapping[str, str] | None = None) -> PinnedLog:
    """Open a version; `options` are those of object stores.

    VersionGoneError when the version is gone, DataError when the table is, IndirectTableError when only Spark is known
    to read it right.
    """
    import pyarrow as pa

    storage = locate_storage(table.path, options)
    delta = _open_version(table, storage)
    refuse_unknown_properties(table, delta.protocol(), delta.metadata())
    actions = pa.table(delta.get_add_actions(flatten=True)).to_pylist()
    files = [_describe_file(table, storage, action) for action in actions]
    masks = _read_deletions(table, delta, storage)
    kept = [DataFile(file.path, file.partition, file.bounds, masks.pop(file.path, None)) for file in files]
    if masks:
        raise DataError(f"{describe_table(table)}: deleted rows are listed for unknown files, such as {min(masks)}")
    return PinnedLog(table, storage, pa.schema(delta.schema().to_arrow()), tuple(kept))


def refuse_unknown_properties(table: TableVersion, protocol: Any, metadata: Any) -> None:
    """IndirectTableError unless all that the table asks of a reader is known here.

    A list of what is allowed, since readers cannot be trusted to refuse: some return nulls on column-mapped tables.
    """
    mode = metadata.configuration.get("delta.columnMapping.mode") or "none"
    if mode != "none":
        raise IndirectTableError(f"{describe_table(table)} has delta.columnMapping.mode = {mode}")
    unknown = sorted(set(protocol.reader_features or ()) - KNOWN_FEATURES)
    if unknown or protocol.min_reader_version > 3:
        asked = f" ({', '.join(unknown)})" if unknown else ""
        raise IndirectTableError(
            f"{describe_table(table)} needs Delta reader version {protocol.min_reader_version}{asked}"
        )


def describe_table(table: TableVersion) -> str:
    """A table version as messages name it."""
    return f"table {table.name} version {table.version}"


def _open_version(table: TableVersion, storage: Storage) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, DeltaProtocolError, TableNotFoundError

    options = dict(storage.options) or None
    try:
        return DeltaTable(storage.location, version=table.version, storage_options=options)
    except DeltaProtocolError as error:
        raise IndirectTableError(f"{describe_table(table)}: {storage.explain(error)}") from None
    except TableNotFoundError as error:
        if "scheme" in str(error):
            raise DataError(f"{storage.location}: {storage.explain(error)[:120]}") from None
        raise DataError(f"there is no Delta table at {storage.location}: run the prepare stage again") from None
    except (DeltaError, OSError) as error:
        raise VersionGoneError(
            f"{describe_table(table)} at {storage.location} cannot be opened ({storage.explain(error)}): it was "
            "vacuumed or never existed, run the prepare stage again"
        ) from None


def _describe_file(table: TableVersion, storage: Storage, action: dict[str, Any]) -> DataFile:
    values = {name.removeprefix("partition."): value for name, value in action.items() if name.startswith("partition.")}
    columns = [name.removeprefix("min.") for name in action if name.startswith("min.")]
    bounds = {name: (action[f"min.{name}"], action.get(f"max.{name}")) for name in columns}
    return DataFile(_data_path(table, storage, action["path"]), values, bounds)


def _data_path(table: TableVersion, storage: Storage, logged: str) -> str:
    # A shallow clone's log holds absolute URIs; everything else is a quoted path under the table.
    if ":/" not in logged:
        return f"{storage.location}/{unquote(logged)}" if storage.is_local else unquote(logged)
    path = local_path(logged)
    if storage.is_local and "://" not in path:
        return path
    if not storage.is_local and logged.startswith(f"{storage.location}/"):
        return unquote(logged.removeprefix(f"{storage.location}/"))
    raise IndirectTableError(f"{describe_table(table)} has files outside its folder, such as {logged}")


def _read_deletions(table: TableVersion, delta: Any, storage: Storage) -> dict[str, NDArray[np.bool_]]:
    """Keep-masks by data file, of those files that have deleted rows."""
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    if "deletionVectors" not in (delta.protocol().reader_features or ()):
        return {}
    try:
        found = pa.table(delta.deletion_vectors())
    except (DeltaError, OSError) as error:
        raise VersionGoneError(
            f"{describe_table(table)}: its deleted rows cannot be read ({storage.explain(error)}): run the prepare "
            "stage again"
        ) from None
    masks: dict[str, NDArray[np.bool_]] = {}
    for uri, mask in zip(found.column(0).to_pylist(), found.column(1), strict=True):
        path = local_path(uri) if storage.is_local else unquote(uri.removeprefix(f"{storage.location}/"))
        masks[path] = mask.values.to_numpy(zero_copy_only=False)
    return masks

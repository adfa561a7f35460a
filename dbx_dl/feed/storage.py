"""Where a table's files lie, on a path or in an object store, and how they are opened there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from dbx_dl.config.feed import ENV_PREFIX, SECRET_PREFIX
from dbx_dl.errors import ConfigError
from dbx_dl.runtime.databricks import find_lease, find_secret, lend, mount_path

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# The option that names a table of Unity Catalog, which lends credentials for its files.
UNITY_TABLE = "unity_table"
_HIDDEN = "***"


@dataclass(frozen=True)
class Storage:
    """The root of one table: an absolute path of this machine, or a URI with the options that open it."""

    location: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether files are opened by path."""
        return "://" not in self.location

    def open_parquet(self, path: str) -> pq.ParquetFile:
        """A data file by its path: absolute where the storage is local, else relative to the table's root.

        FileNotFoundError when it is gone.
        """
        import pyarrow.parquet as pq

        # Spark's old INT96 timestamps would become nanoseconds, which silently wrap around outside 1678 to 2262.
        return pq.ParquetFile(
            path,
            filesystem=None if self.is_local else self._filesystem,
            coerce_int96_timestamp_unit="us",
            pre_buffer=not self.is_local,
        )

    def explain(self, error: Exception) -> str:
        """The first line of what an error says, without the values of the options."""
        text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        for value in sorted(self.options.values(), key=len, reverse=True):
            text = text.replace(value, _HIDDEN) if value else text
        return text

    @cached_property
    def _filesystem(self) -> Any:
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        return PyFileSystem(DeltaStorageHandler(self.location, dict(self.options)))


def locate_storage(location: str, options: Mapping[str, str] | None = None) -> Storage:
    """The storage of a table's location; `env:NAME` becomes what that variable holds here, `secret:SCOPE/KEY` a secret.

    The option UNITY_TABLE, a table's name, becomes short-lived credentials of Unity Catalog for its files. ConfigError
    when there is no such variable or secret, DataError when there are no credentials.
    """
    path = local_path(location)
    if "://" not in path:
        return Storage(path.rstrip("/") or "/")
    given = dict(options or {})
    table = given.pop(UNITY_TABLE, None)
    lent = {} if table is None else find_lease(table).options
    return Storage(path.rstrip("/"), {**lent, **{name: _resolve(name, value) for name, value in given.items()}})


def has_own_secrets(options: Mapping[str, str]) -> bool:
    """Whether the options bring secrets, so that no others need to be lent."""
    return any(value.startswith((ENV_PREFIX, SECRET_PREFIX)) for value in options.values())


def lend_options(options: Mapping[str, str]) -> dict[str, str]:
    """Variables with which another process opens what these options do, where only this one may ask Databricks."""
    tables = [value for name, value in options.items() if name == UNITY_TABLE]
    secrets = [value.removeprefix(SECRET_PREFIX) for value in options.values() if value.startswith(SECRET_PREFIX)]
    return lend(tables, secrets)


def local_path(location: str) -> str:
    """The path of a location as this machine opens it: `file:` and `dbfs:` URIs become paths, others stay."""
    parsed = urlparse(location)
    if parsed.scheme == "file":
        return unquote(parsed.path)
    return mount_path(unquote(location)) if parsed.scheme == "dbfs" else location


def _resolve(name: str, value: str) -> str:
    if value.startswith(SECRET_PREFIX):
        return find_secret(value.removeprefix(SECRET_PREFIX))
    if not value.startswith(ENV_PREFIX):
        return value
    variable = value.removeprefix(ENV_PREFIX)
    if variable not in os.environ:
        raise ConfigError(f"feed.storage_options.{name} names the environment variable {variable}, which is not set")
    return os.environ[variable]

"""A local Delta table's id and properties from its log, for which a new Spark session takes seconds."""

from __future__ import annotations

from dbx_dl.runtime.local_logs import read_latest_version


def read_identity(path: str) -> tuple[str, dict[str, str | None]] | None:
    """The id and properties of the table at an absolute path, as they are now; None where only Spark can tell."""
    if read_latest_version(path) is None:
        return None
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        metadata = DeltaTable(path, without_files=True).metadata()
    except (DeltaError, OSError):
        return None
    return str(metadata.id), dict(metadata.configuration)

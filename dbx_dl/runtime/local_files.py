"""Files below a folder that Python can open itself: the driver looks for folders, the executors list their files."""

from __future__ import annotations

import logging
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.tables import absolute_path

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

logger = logging.getLogger(__name__)

LOCAL_FILES_SCHEMA = (
    "path string, location string, size_bytes long, modified_at timestamp, reason string, detail string"
)
_MAX_PARTS = 256
_BATCH_ROWS = 8192
_HIDDEN = (b"_", b".")

ListBatches = Callable[["Iterable[pa.RecordBatch]"], "Iterator[pa.RecordBatch]"]


@dataclass(frozen=True)
class Folder:
    """A folder to list, absolute; with everything below it when `is_whole`, else only its own files.

    `links`: the real folders that hold the links which were followed on the way here.
    """

    path: bytes
    is_whole: bool = True
    links: tuple[bytes, ...] = ()


def local_path(path: str) -> str | None:
    """The absolute path at which Python finds what Spark calls `path`, or None where it is on no local file system.

    On Databricks see `mount_path`.
    """
    if path.startswith("dbfs:/"):
        mounted = mount_path(path)
        return os.path.normpath(mounted) if Path(mounted).exists() else None
    place = absolute_path(path)
    return mount_path(place) if place.startswith("/") else None


def spread_folders(spark: SparkSession, root: str) -> DataFrame:
    """The parts of a tree as rows, for `make_lister` to list on the executors; DataError when `root` is no folder."""
    import pyarrow as pa

    require_folder(root, "image folder")
    folders = list(split_tree(root))
    columns: dict[str, Any] = {
        "path": pa.array([folder.path for folder in folders], pa.binary()),
        "is_whole": pa.array([folder.is_whole for folder in folders], pa.bool_()),
        "links": pa.array([folder.links for folder in folders], pa.list_(pa.binary())),
    }
    return spark.createDataFrame(pa.table(columns))


def require_folder(path: str, what: str) -> None:
    """DataError unless there is a folder at the local path."""
    if Path(path).is_dir():
        return
    if Path(path).exists():
        raise DataError(f"{what} {path} is a file: give a folder")
    raise DataError(f"{what} {path} does not exist")


def split_tree(root: str, num_parts: int = _MAX_PARTS) -> Iterator[Folder]:
    """Disjoint parts that make up the tree below `root`; folders are opened until about `num_parts` are known.

    So that driver memory stays flat however many folders there are: what lies deeper is left to who lists the parts.
    """
    waiting = deque([Folder(os.fsencode(root))])
    while waiting and len(waiting) < num_parts:
        folder = waiting.popleft()
        yield Folder(folder.path, False, folder.links)
        waiting.extend(_list_subfolders(folder))
    yield from waiting


def list_files(folder: Folder) -> Iterator[os.DirEntry[bytes]]:
    """Everything in the folder that is no folder, and where it `is_whole` in all folders below; names as bytes."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for entry in _scan(here.path):
            if not _is_folder(entry):
                yield entry
            elif folder.is_whole:
                waiting.extend(_follow(entry, here))


def make_lister(root: str) -> ListBatches:
    """The function that executors run: batches of `spread_folders` in, batches of LOCAL_FILES_SCHEMA out.

    One row per file, no file opened; `path` is relative to `root`. `reason` (with a sentence in `detail`) is null for
    files that can be read, else `file_missing` (a link to nothing), `not_a_file`, `unreadable` or `bad_name` (no
    UTF-8). Files and folders whose name starts with `_` or `.` are not seen. Links are followed, except to a folder
    that holds the link itself. DataError when a folder cannot be listed.
    """

    def list_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = (row for batch in batches for row in batch.to_pylist())
        folders = (Folder(row["path"], row["is_whole"], tuple(row["links"])) for row in rows)
        described = (describe_file(entry, root) for folder in folders for entry in list_files(folder))
        while some := list(islice(described, _BATCH_ROWS)):
            yield _to_batch(some)

    return list_batches


def describe_file(entry: os.DirEntry[bytes], root: str) -> tuple[str, str | None, int | None, int | None, Any, Any]:
    """A row of LOCAL_FILES_SCHEMA; `modified_at` is in microseconds since 1970."""
    relative = entry.path.removeprefix(os.fsencode(root)).lstrip(b"/")
    try:
        path = relative.decode("utf-8")
    except UnicodeDecodeError:
        shown = relative.decode("utf-8", "replace")
        return shown, None, None, None, "bad_name", "the name of the file or of one of its folders is not UTF-8"
    return path, os.fsdecode(entry.path), *describe_place(entry.path)


def describe_place(path: str | bytes) -> tuple[int | None, int | None, str | None, str | None]:
    """(size in bytes, modification time in microseconds since 1970, reason, detail) of what lies at a local path."""
    try:
        found = os.stat(path)  # noqa: PTH116 (takes bytes)
    except (FileNotFoundError, NotADirectoryError):
        detail = "a link to nothing" if os.path.islink(path) else "there is no such file"  # noqa: PTH114
        return None, None, "file_missing", detail
    except ValueError as error:
        return None, None, "file_missing", f"no path of a file: {error}"
    except OSError as error:
        return None, None, "unreadable", error.strerror or type(error).__name__
    modified_at = found.st_mtime_ns // 1000
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, socket or device"
        return None, modified_at, "not_a_file", f"{kind}, not a file"
    return found.st_size, modified_at, None, None


def _list_subfolders(folder: Folder) -> Iterator[Folder]:
    for entry in _scan(folder.path):
        if _is_folder(entry):
            yield from _follow(entry, folder)


def _scan(path: bytes) -> Iterator[os.DirEntry[bytes]]:
    try:
        with os.scandir(path) as entries:
            yield from (entry for entry in entries if not entry.name.startswith(_HIDDEN))
    except FileNotFoundError:
        raise DataError(
            f"folder {os.fsdecode(path)} is gone, or is not there on every machine: executors list files themselves"
        ) from None
    except OSError as error:
        raise DataError(f"folder {os.fsdecode(path)} cannot be listed: {error.strerror}") from None


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def _follow(entry: os.DirEntry[bytes], parent: Folder) -> Iterator[Folder]:
    """The folder of an entry of `parent`; nothing for a link to a folder that holds a link followed on the way."""
    if not entry.is_symlink():
        yield Folder(entry.path, True, parent.links)
        return
    links = (*parent.links, os.path.realpath(parent.path))
    target = os.path.realpath(entry.path)
    if any(link == target or link.startswith(target.rstrip(b"/") + b"/") for link in links):
        logger.warning("%s links back to a folder above it: not followed", os.fsdecode(entry.path))
        return
    yield Folder(entry.path, True, links)


def _to_batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    import pyarrow as pa

    types = [pa.string(), pa.string(), pa.int64(), pa.timestamp("us", tz="UTC"), pa.string(), pa.string()]
    names = [field.split()[0] for field in LOCAL_FILES_SCHEMA.split(", ")]
    arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=names)

"""Keeps decoded rows in memory or in a file of the local disk, up to a number of bytes."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.config import CacheConfig

_ABSENT = -1


class RowCache:
    """Rows by block and row in block; what is in stays, and when it is full nothing more goes in.

    Epochs read every row once, so throwing out the least recently used would throw out what is needed next.
    """

    def __init__(self, block_rows: Sequence[int], store: np.ndarray) -> None:
        self._block_rows = block_rows
        self._store = store
        self._slots: dict[int, NDArray[np.int64]] = {}
        self._num_used = 0
        self._lock = threading.Lock()

    def find(self, block: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where rows of a block are kept, int64 (N,), negative for those that are not."""
        with self._lock:
            slots = self._slots.get(block)
            return np.full(len(rows), _ABSENT) if slots is None else slots[rows]

    def take(self, slots: NDArray[np.int64]) -> np.ndarray:
        """Kept rows (N, *row_shape)."""
        return self._store.take(slots, axis=0)

    def put(self, block: int, rows: NDArray[np.int64], values: np.ndarray) -> None:
        """Keep rows (N, *row_shape) of a block as far as there is room."""
        with self._lock:
            start = self._num_used
            end = min(start + len(rows), len(self._store))
            self._num_used = end
        if start == end:
            return
        self._store[start:end] = values[: end - start]
        with self._lock:
            slots = self._slots.setdefault(block, np.full(self._block_rows[block], _ABSENT))
            slots[rows[: end - start]] = np.arange(start, end)


def open_row_cache(
    config: CacheConfig, block_rows: Sequence[int], row_shape: tuple[int, ...], dtype: str
) -> RowCache | None:
    """The cache that a config asks for, or None; ConfigError when the disk has no room for it."""
    row_bytes = int(np.prod(row_shape)) * np.dtype(dtype).itemsize
    num_rows = min(sum(block_rows), config.max_bytes // max(1, row_bytes))
    if config.where == "none" or not num_rows:
        return None
    shape = (num_rows, *row_shape)
    store = np.empty(shape, dtype) if config.where == "memory" else _open_file(config, shape, dtype)
    return RowCache(block_rows, store)


def _open_file(config: CacheConfig, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """A mapped file of plain numbers; its name is removed at once, so it goes with the process, however that ends."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        descriptor, name = tempfile.mkstemp(prefix="dbx_dl_feed_", dir=config.directory)
    except OSError as error:
        raise ConfigError(f"feed.cache.directory {config.directory} cannot be written: {error.strerror}") from None
    path = Path(name)
    try:
        # Reserved before it is mapped: a full disk would kill the process at a write into the mapping.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        store: np.ndarray = np.memmap(path, mode="r+" if path.stat().st_size else "w+", dtype=dtype, shape=shape)
    except OSError as error:
        place = config.directory or tempfile.gettempdir()
        raise ConfigError(
            f"feed.cache needs {size:,} bytes in {place} ({error.strerror}): lower feed.cache.max_bytes or set "
            "feed.cache.directory"
        ) from None
    finally:
        os.close(descriptor)
        path.unlink()
    return store

"""How an image table lies in files: a feed reads blocks, and a small change rewrites little."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbx_dl.config import PrepareFilesSection

# Images per row group: a feed reads row groups whole, and shuffles them.
_GROUP_ROWS = 512
_MIN_GROUP_BYTES, _MAX_GROUP_BYTES = 4 * 2**20, 64 * 2**20
# Images per file: Delta rewrites whole files, so that an image that changes costs as many others.
_FILE_ROWS = 4096
_MIN_FILE_BYTES, _MAX_FILE_BYTES = 8 * 2**20, 64 * 2**20
# Enough tasks to keep a small cluster busy although the images fit into fewer files.
_MIN_TASKS = 16
_MIN_TASK_ROWS = 64


def file_bytes(mean_bytes: float, config: PrepareFilesSection) -> int:
    """The size of a data file, from an image's mean size unless the config says it."""
    wanted = min(_MAX_FILE_BYTES, max(_MIN_FILE_BYTES, int(mean_bytes * _FILE_ROWS)))
    return config.target_file_bytes or wanted


def row_group_bytes(mean_bytes: float) -> int:
    """The size of a row group inside a file."""
    return min(_MAX_GROUP_BYTES, max(_MIN_GROUP_BYTES, int(mean_bytes * _GROUP_ROWS)))


def num_files(num_images: int, mean_bytes: float, config: PrepareFilesSection) -> int:
    """Files that so many images should fill; a mean of 0 is an unknown one."""
    rows = rows_per_file(mean_bytes, config) if mean_bytes else _FILE_ROWS
    return max(1, math.ceil(num_images / rows))


def num_read_tasks(num_images: int, mean_bytes: float, config: PrepareFilesSection) -> int:
    """Tasks that read and check them; one per file where there are many."""
    return max(num_files(num_images, mean_bytes, config), min(_MIN_TASKS, math.ceil(num_images / _MIN_TASK_ROWS)), 1)


def rows_per_file(mean_bytes: float, config: PrepareFilesSection) -> int:
    """Images that a file holds at most."""
    return max(1, int(file_bytes(mean_bytes, config) / max(1.0, mean_bytes)))

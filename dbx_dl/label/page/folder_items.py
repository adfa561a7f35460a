"""The files below a folder as items: keys are relative paths, as `prepare` names them; bytes are read when shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dbx_dl.errors import DataError
from dbx_dl.label.page.items import PageItem
from dbx_dl.label.page.order import mix_order

TEXT_SUFFIXES = (".txt",)
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".avif")


class FolderItems:
    """Items that stay where they are, on a disk that this process reads."""

    def __init__(self, folder: Path, items: Sequence[PageItem]) -> None:
        self._folder, self._items = folder, list(items)

    def list_items(self) -> Sequence[PageItem]:
        """All items, in the order in which they are given out."""
        return self._items

    def read_content(self, position: int) -> bytes | None:
        """The file's bytes; None where it is gone or cannot be read."""
        path = self._folder / self._items[position].key
        try:
            # A pipe would hold this thread, and the server's end, until somebody writes into it.
            return path.read_bytes() if path.is_file() else None
        except OSError:
            return None

    def close(self) -> None:
        """Nothing is held."""


def list_keys(folder: Path, *, is_text: bool) -> list[str]:
    """The relative paths of all files of the wanted kind, in mixed order; DataError where there are none.

    Files and folders whose names begin with `_` or `.` are left out, as in `prepare`.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder: give one in label.page.items")
    suffixes = TEXT_SUFFIXES if is_text else IMAGE_SUFFIXES
    keys = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        keys += [
            (Path(place) / name).relative_to(folder).as_posix()
            for name in names
            if name.lower().endswith(suffixes) and not name.startswith(("_", "."))
        ]
    if not keys:
        raise DataError(f"{folder} holds no file that ends in {', '.join(suffixes)}")
    return mix_order(key for key in keys if _is_text(key))


def _is_text(key: str) -> bool:
    """Whether the file's name can be kept as text."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True

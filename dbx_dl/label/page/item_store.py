"""The items of a table, copied once into a file beside this process, so that the page waits for no cluster."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from dbx_dl.label.page.items import PageItem


class ItemStore:
    """Contents by position in an SQLite file of this process, taken away by `close`; safe in several threads."""

    def __init__(self, items: Sequence[PageItem]) -> None:
        self._items = list(items)
        self._folder = Path(tempfile.mkdtemp(prefix="dbx_dl_label_"))
        self._connection = sqlite3.connect(self._folder / "items.sqlite", check_same_thread=False)
        self._connection.execute("CREATE TABLE contents (position INTEGER PRIMARY KEY, content BLOB)")
        self._lock = threading.Lock()

    def add_contents(self, rows: Iterable[tuple[str, bytes]], max_bytes: int) -> int:
        """Copy contents by key until `max_bytes` are reached; returns how many. Items without content are left out."""
        positions = {item.key: position for position, item in enumerate(self._items)}
        size_bytes = 0
        found: set[int] = set()
        for key, content in rows:
            size_bytes += len(content)
            if size_bytes > max_bytes and found:
                break
            self._connection.execute("INSERT OR REPLACE INTO contents VALUES (?, ?)", (positions[key], content))
            found.add(positions[key])
        self._keep_only(sorted(found))
        return len(found)

    def list_items(self) -> Sequence[PageItem]:
        """All items with content, in the order in which they are given out."""
        return self._items

    def read_content(self, position: int) -> bytes | None:
        """The content's bytes."""
        with self._lock:
            row = self._connection.execute("SELECT content FROM contents WHERE position = ?", (position,)).fetchone()
        return None if row is None else bytes(row[0])

    def close(self) -> None:
        """Take the file away."""
        with self._lock:
            self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _keep_only(self, found: Sequence[int]) -> None:
        """Close the gaps that items without content leave, front to back so that no number is in use."""
        for position, old in enumerate(found):
            self._connection.execute("UPDATE contents SET position = ? WHERE position = ?", (position, old))
        self._connection.commit()
        self._items = [self._items[old] for old in found]

"""Paths as a manifest writes them, below a root that they may not leave: their key, and the file that they lead to."""

from __future__ import annotations

import os
import posixpath

from dbx_dl.runtime.local_files import describe_place

# (key, location, size in bytes, modification time in microseconds since 1970, reason, detail)
Place = tuple[str | None, str | None, int | None, int | None, str | None, str | None]
PLACE_SCHEMA = "struct<key string, location string, size_bytes long, micros long, reason string, detail string>"
NO_KEY = ("no_key", "the row names no file")
OUTSIDE_ROOT = ("outside_root", "the path leaves the root")


class PathResolver:
    """Called with a path as it is written, gives its Place; made for one root, on the machine that opens the files."""

    def __init__(self, root: str, allow_outside: bool) -> None:
        self.root = root
        self.allow_outside = allow_outside
        self._real_folders: dict[str, str] = {}

    def __call__(self, written: str | None) -> Place:
        """Normalise the path, follow its links, and look at the file; no exception whatever the path is."""
        key = normalise(written, self.root)
        if key is None:
            return None, None, None, None, *NO_KEY
        if not self.allow_outside and leaves_root(key):
            return key, None, None, None, *OUTSIDE_ROOT
        try:
            real = self._follow_links(posixpath.join(self.root, key))
            if not self.allow_outside and not _is_inside(real, self._real_folder(self.root)):
                return key, None, None, None, "outside_root", "a link leads out of the root"
            size_bytes, micros, reason, detail = describe_place(real)
        except (OSError, ValueError) as error:  # such as a zero byte, or a name that is too long
            return key, None, None, None, "file_missing", f"no path of a file: {error}"
        return key, real if reason is None else None, size_bytes, micros, reason, detail

    def _follow_links(self, path: str) -> str:
        folder, name = posixpath.split(path)
        real = posixpath.join(self._real_folder(folder), name)
        return os.path.realpath(real) if os.path.islink(real) else real  # noqa: PTH114 (Path is slow here)

    def _real_folder(self, folder: str) -> str:
        """The folder without links, looked up once: a manifest names many files of few folders."""
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        return self._real_folders[folder]


def normalise(written: str | None, root: str) -> str | None:
    """A path as the key of its file, relative to `root` where it lies in it; None for an empty one.

    `.` and `..` are resolved as text, so that `..` remains only at the start of a path that leaves the root.
    """
    path = (written or "").strip()
    if not path:
        return None
    base = root.rstrip("/") + "/"
    normal = posixpath.normpath(path.removeprefix(base).lstrip("/") if path.startswith(base) else path)
    return normal.removeprefix(base) if normal.startswith(base) else normal


def leaves_root(key: str) -> bool:
    """Whether a normal path leads out of the folder that it is relative to."""
    return key.startswith(("/", "../")) or key == ".."


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")

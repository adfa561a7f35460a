"""Names of tables: which of them are paths, and where these lie."""

from __future__ import annotations

import os
import re
from pathlib import Path

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")


def is_path(name: str) -> bool:
    """Whether a table's name is a path: it has a slash or starts with `~` or `.`; `a.b.c` and `a` are SQL names."""
    return "/" in name or name.startswith(("~", "."))


def has_scheme(path: str) -> bool:
    """Whether it is a URI, such as s3://bucket/table, rather than a local path."""
    return _SCHEME.match(path) is not None


def absolute_path(path: str) -> str:
    """A local path made absolute and normal, `file:` removed; a URI of another scheme unchanged."""
    if path.startswith("file:"):
        path = "/" + path.removeprefix("file:").lstrip("/")
    if has_scheme(path):
        return path.rstrip("/")
    # Not resolve(): Spark names files by the path that was given, also below symbolic links.
    return os.path.normpath(Path(path).expanduser().absolute())

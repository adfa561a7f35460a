"""Columns that reading a source adds to its own, and names that a source cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

# The text of a line that is no row of its file, such as one of other length than the header; null for every other row.
MALFORMED_COLUMN = "_malformed"
# Which of a source's named files a row is from.
FILE_COLUMN = "_file"
# Whether a row must be in the train split, since nobody looked at its label.
TRAIN_COLUMN = "_is_for_training"


def require_distinct(names: Sequence[str], what: str) -> None:
    """DataError when a source, `what`, has a name twice, in upper or lower case."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise DataError(f"{what} has the name {name!r} twice (upper and lower case count as equal)")
        seen.add(name.lower())

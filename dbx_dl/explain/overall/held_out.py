"""Held-out rows of a prepared table that workers look at, as bytes: drawn by a seed, and the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.contracts import SPLITS
from dbx_dl.errors import DataError
from dbx_dl.explain.arrow_streams import write_stream
from dbx_dl.feed.rows import read_keys, read_rows
from dbx_dl.feed.targets import open_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import PreparedTable


@dataclass(frozen=True)
class HeldOutRows:
    """Raw rows as an Arrow stream, and their labels as `contracts.Batch` describes them."""

    stream: bytes
    labels: NDArray[Any]

    @property
    def num_rows(self) -> int:
        """How many there are."""
        return len(self.labels)


def draw_held_out(prepared: PreparedTable, max_rows: int, seed: int) -> HeldOutRows:
    """At most so many rows of the test split, or of validation or train where a table has no others.

    DataError for a table without rows.
    """
    split = next((split for split in reversed(SPLITS) if prepared.split_rows.get(split, 0)), None)
    if split is None:
        raise DataError(f"table {prepared.table.name} has no rows to look at: prepare it again")
    keys = sorted(read_keys(prepared, split))
    if len(keys) > max_rows:
        drawn = np.random.default_rng(seed).choice(len(keys), max_rows, replace=False)
        keys = [keys[place] for place in sorted(drawn.tolist())]
    rows = read_rows(prepared, split, keys=keys)
    labels = open_labels(prepared).read(rows, f"table {prepared.table.name}")
    return HeldOutRows(write_stream(rows.select(list(prepared.inputs.columns))), labels)

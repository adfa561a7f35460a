"""The best weights of a run: written by rank 0 as a whole file, loaded once and given to every rank."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileDigest

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Objective, Ranks


class BestWeights:
    """The one file of best weights in a run directory; only rank 0 touches it."""

    def __init__(self, path: Path, ranks: Ranks) -> None:
        self._path = path
        self._ranks = ranks

    def save(self, objective: Objective) -> None:
        """Replace the file by the objective's present weights."""
        if self._ranks.rank != 0:
            return
        # The suffix stays at the end, since frameworks choose the format by it.
        partial = self._path.with_name(f".partial_{self._path.name}")
        objective.save_weights(partial)
        partial.replace(self._path)

    def restore(self, objective: Objective) -> None:
        """Load the file on rank 0 and give its weights to every rank."""
        if self._ranks.rank == 0:
            objective.load_weights(self._path)
        objective.broadcast_state()

    def digest(self) -> FileDigest:
        """The file and its SHA-256."""
        with self._path.open("rb") as file:
            return FileDigest(path=str(self._path), sha256=hashlib.file_digest(file, "sha256").hexdigest())

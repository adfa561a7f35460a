"""Checkpoints on disk: one folder each, whose manifest with the SHA-256 of every file is written last."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

from dbx_dl.contracts import Contract, EpochMetrics
from dbx_dl.errors import DataError
from dbx_dl.runtime.array_files import read_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

MANIFEST, PROGRESS, SHARED = "manifest.json", "progress.json", "shared.npz"
_NAME = re.compile(r"epoch_(\d+)_step_(\d+)")


class Progress(Contract):
    """Where training stood: the next step is number `step` (from 0) of `epoch` (from 1), `seconds` into it.

    `job_digest` is the config and table that training was for, without what a resume may change.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    job_digest: str
    num_ranks: int
    batch_size: int
    epoch: int
    step: int
    seconds: float
    history: tuple[EpochMetrics, ...]
    schedule: dict[str, Any]
    selection: dict[str, Any]
    lowest_loss: float | None = None

    @property
    def num_rows(self) -> int:
        """Rows of the epoch, padding included, that were trained on."""
        return self.step * self.num_ranks * self.batch_size


class Manifest(Contract):
    """SHA-256 of every file of a checkpoint, by name."""

    files: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint, its files checked."""

    folder: Path
    progress: Progress

    def read_shared(self) -> dict[str, NDArray[np.generic]]:
        """Weights and optimizer, by name."""
        return read_arrays(self.folder / SHARED)

    def read_rank(self, rank: int) -> dict[str, NDArray[np.generic]]:
        """What a rank kept for itself, by name."""
        return read_arrays(self.folder / name_rank_file(rank))

    def find_best_weights(self) -> Path | None:
        """The copy of the best weights until then."""
        return next(iter(self.folder.glob("best_weights.*")), None)


def name_checkpoint(epoch: int, step: int) -> str:
    """The folder of a checkpoint after which training goes on at this step of this epoch."""
    return f"epoch_{epoch:04d}_step_{step:06d}"


def name_rank_file(rank: int) -> str:
    """The file of what one rank keeps for itself."""
    return f"rank_{rank}.npz"


def copy_file(source: Path, folder: Path) -> str:
    """Copy a file into a folder of the shared storage; returns its SHA-256, of the source."""
    shutil.copyfile(source, folder / source.name)
    return digest_file(source)


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_checkpoint(folder: Path) -> Checkpoint:
    """A checkpoint whose files all are as its manifest says; DataError naming what is not."""
    manifest = Manifest.load(folder / MANIFEST)
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path} is missing")
        if digest_file(path) != expected:
            raise DataError(f"{path} is corrupt: its SHA-256 is not the manifest's")
    return load_checkpoint(folder)


def load_checkpoint(folder: Path) -> Checkpoint:
    """A checkpoint whose files somebody else has checked."""
    return Checkpoint(folder, Progress.load(folder / PROGRESS))


def find_latest(root: Path) -> Checkpoint | None:
    """The latest whole checkpoint; corrupt ones are passed over with a warning, those without manifest do not exist."""
    for folder in sorted(list_folders(root), key=_read_place, reverse=True):
        if not (folder / MANIFEST).exists():
            continue
        try:
            return open_checkpoint(folder)
        except DataError as error:
            logger.warning("a checkpoint cannot be used, the one before is taken: %s", error)
    return None


def discard_after(root: Path, latest: Checkpoint | None) -> None:
    """Remove what training will write again: unfinished checkpoints, and whole ones after `latest`."""
    for folder in list_folders(root):
        is_later = latest is None or _read_place(folder) > _read_place(latest.folder)
        if is_later or not (folder / MANIFEST).exists():
            remove_checkpoint(folder)


def keep_last(root: Path, num_kept: int) -> None:
    """Remove all whole checkpoints but the last ones."""
    whole = [folder for folder in list_folders(root) if (folder / MANIFEST).exists()]
    for folder in sorted(whole, key=_read_place)[:-num_kept]:
        remove_checkpoint(folder)


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint, its manifest first, so that it is never half a checkpoint."""
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def list_folders(root: Path) -> Iterator[Path]:
    """Folders with a checkpoint's name, whole or not."""
    return (path for path in root.glob("epoch_*") if _NAME.fullmatch(path.name))


def _read_place(folder: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(folder.name)
    if match is None:
        raise DataError(f"{folder} is not named as a checkpoint")
    return int(match[1]), int(match[2])

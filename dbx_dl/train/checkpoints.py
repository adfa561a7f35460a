"""What a rank keeps of a run: the best weights, and checkpoints in which all ranks take part at the same step."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import EpochMetrics, FileDigest
from dbx_dl.feed.shards import count_lanes
from dbx_dl.runtime.array_files import write_arrays
from dbx_dl.train.checkpoint_files import (
    MANIFEST,
    PROGRESS,
    SHARED,
    Checkpoint,
    Manifest,
    Progress,
    copy_file,
    digest_file,
    keep_last,
    name_checkpoint,
    name_rank_file,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.config import CheckpointConfig
    from dbx_dl.frameworks.interface import Objective, Ranks
    from dbx_dl.train.schedule import Schedule
    from dbx_dl.train.selection import Selection


class BestWeights:
    """The one file of best weights in a run directory; only rank 0 touches it."""

    def __init__(self, path: Path, ranks: Ranks) -> None:
        self.path = path
        self._ranks = ranks

    def save(self, objective: Objective) -> None:
        """Replace the file by the objective's present weights."""
        if self._ranks.rank != 0:
            return
        # The suffix stays at the end, since frameworks choose the format by it.
        partial = self.path.with_name(f".partial_{self.path.name}")
        objective.save_weights(partial)
        partial.replace(self.path)

    def restore(self, objective: Objective) -> None:
        """Load the file on rank 0 and give its weights to every rank."""
        if self._ranks.rank == 0:
            objective.load_weights(self.path)
        objective.broadcast_state()

    def digest(self) -> FileDigest:
        """The file and its SHA-256."""
        return FileDigest(path=str(self.path), sha256=digest_file(self.path))

    def go_back(self, copy: Path | None) -> None:
        """Make the file what a checkpoint says it was, on rank 0."""
        if self._ranks.rank != 0:
            return
        if copy is None:
            self.path.unlink(missing_ok=True)
        else:
            shutil.copyfile(copy, self.path)


@dataclass
class LoopState:
    """All that the loop itself remembers: the next step is number `step` (from 0) of `epoch` (from 1).

    `sums` are this rank's over the epoch's steps so far, which took `seconds`; `lowest_loss` is the
    lowest mean loss of its steps so far, over all epochs.
    """

    schedule: Schedule
    selection: Selection
    epoch: int = 1
    step: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[EpochMetrics] = field(default_factory=list)
    lowest_loss: float | None = None

    def finish_step(self, sums: Mapping[str, float]) -> None:
        """Add a step's sums and go to the next one."""
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.step += 1

    def finish_epoch(self, metrics: EpochMetrics) -> None:
        """Keep the epoch's metrics and go to the next one."""
        self.history.append(metrics)
        self.epoch, self.step, self.seconds, self.sums = self.epoch + 1, 0, 0.0, {}

    def has_ended(self, num_epochs: int) -> bool:
        """Whether no step is left to take: all epochs are done, or no better one is expected."""
        is_between = self.step == 0 and bool(self.history)
        return self.epoch > num_epochs or (is_between and self.selection.has_stalled(self.epoch - 1))


class Checkpoints:
    """Writes checkpoints of one run, and starts it from one; every rank calls the same methods at the same steps.

    `check` is called on rank 0 before a checkpoint comes into being, and may raise.
    """

    def __init__(
        self,
        root: Path,
        ranks: Ranks,
        config: CheckpointConfig,
        best: BestWeights,
        *,
        job_digest: str,
        batch_size: int,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._root = root
        self._ranks = ranks
        self._config = config
        self._best = best
        self._job_digest = job_digest
        self._batch_size = batch_size
        self._check = check

    def is_due_after_step(self, num_steps: int) -> bool:
        """Whether one is written after this many steps over all epochs."""
        return self._config.every_steps is not None and num_steps % self._config.every_steps == 0

    def is_due_after_epoch(self, epoch: int) -> bool:
        """Whether one is written after this epoch."""
        return self._config.every_epochs is not None and epoch % self._config.every_epochs == 0

    def save(self, objective: Objective, state: LoopState) -> None:
        """Write one: each rank its own file, rank 0 what all share and, when all are there, the manifest."""
        folder = self._root / name_checkpoint(state.epoch, state.step)
        folder.mkdir(parents=True, exist_ok=True)
        if state.step > 0:  # else they are, since the epoch's end
            objective.synchronize_statistics()
        with tempfile.TemporaryDirectory(prefix="dbx_dl_checkpoint_") as local:
            own = self._write_rank_file(Path(local), objective, state)
            digest = copy_file(own, folder)
            shared = self._write_shared(Path(local), folder, objective, state) if self._ranks.rank == 0 else {}
        # Also the barrier after which every file is there.
        digests = self._ranks.gather_rows(np.frombuffer(bytes.fromhex(digest), np.uint8)[None])
        if self._ranks.rank == 0:
            self._check()
            own_files = {name_rank_file(rank): row.tobytes().hex() for rank, row in enumerate(digests)}
            Manifest(files=shared | own_files).save(folder / MANIFEST)
            keep_last(self._root, self._config.keep_last)

    def restore(self, checkpoint: Checkpoint, objective: Objective, state: LoopState) -> None:
        """Go back to a checkpoint; on another number of ranks the position becomes the nearest step before it.

        DataError when it is of another network.
        """
        progress = checkpoint.progress
        objective.write_state(checkpoint.read_shared())
        state.epoch, state.step, state.seconds = progress.epoch, progress.step, progress.seconds
        state.history = list(progress.history)
        # Rank 0's on all ranks: it only bounds by orders of magnitude.
        state.lowest_loss = progress.lowest_loss
        state.schedule.restore(progress.schedule)
        state.selection.restore(progress.selection)
        if self._ranks.rank < progress.num_ranks:
            arrays = checkpoint.read_rank(self._ranks.rank)
            objective.write_noise(_take(arrays, "noise"))
            state.sums = _to_sums(arrays)
        if (self._ranks.size, self._batch_size) != (progress.num_ranks, progress.batch_size):
            self._fit_position(checkpoint, state)
        self._best.go_back(checkpoint.find_best_weights())

    def _fit_position(self, checkpoint: Checkpoint, state: LoopState) -> None:
        state.step = convert_step(checkpoint.progress, self._ranks.size, self._batch_size)
        state.sums = {}
        if state.step == 0:
            state.seconds = 0.0
        elif self._ranks.rank == 0:
            for rank in range(checkpoint.progress.num_ranks):
                for name, value in _to_sums(checkpoint.read_rank(rank)).items():
                    state.sums[name] = state.sums.get(name, 0.0) + value

    def _write_rank_file(self, local: Path, objective: Objective, state: LoopState) -> Path:
        path = local / name_rank_file(self._ranks.rank)
        sums = {f"sums/{name}": np.array(value, np.float64) for name, value in state.sums.items()}
        write_arrays(path, {f"noise/{name}": array for name, array in objective.read_noise().items()} | sums)
        return path

    def _write_shared(self, local: Path, folder: Path, objective: Objective, state: LoopState) -> dict[str, str]:
        write_arrays(local / SHARED, objective.read_state())
        self._describe(state).save(local / PROGRESS)
        files = [local / SHARED, local / PROGRESS, *([self._best.path] if state.selection.best_epoch else [])]
        return {path.name: copy_file(path, folder) for path in files}

    def _describe(self, state: LoopState) -> Progress:
        return Progress(
            job_digest=self._job_digest,
            num_ranks=self._ranks.size,
            batch_size=self._batch_size,
            epoch=state.epoch,
            step=state.step,
            seconds=state.seconds,
            history=tuple(state.history),
            lowest_loss=state.lowest_loss,
            schedule=state.schedule.read_state(),
            selection=state.selection.read_state(),
        )


def convert_step(progress: Progress, num_ranks: int, batch_size: int) -> int:
    """The last step, on this many ranks, before which no row of the epoch is left out.

    0 where the rows come in another order, because the number of lanes changes: then the epoch starts over.
    """
    if count_lanes(progress.num_ranks) != count_lanes(num_ranks):
        return 0
    return progress.num_rows // (num_ranks * batch_size)


def _take(arrays: Mapping[str, NDArray[np.generic]], kind: str) -> dict[str, NDArray[np.generic]]:
    return {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{kind}/")}


def _to_sums(arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, float]:
    return {name: float(array) for name, array in _take(arrays, "sums").items()}

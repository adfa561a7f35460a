"""What the driver hands to the ranks, what they hand back, and where the files of a run's directory lie."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from dbx_dl.config import FrameworkName, TrainConfig
from dbx_dl.contracts import Contract, EpochMetrics, FileDigest, PreparedTable


class TrainingJob(Contract):
    """Everything that a rank process needs to know."""

    prepared: PreparedTable
    config: TrainConfig
    framework: FrameworkName
    directory: str


class TrainingResult(Contract):
    """What rank 0 writes when training has ended; `metrics` are the test split's at the best epoch."""

    history: tuple[EpochMetrics, ...]
    best_epoch: int
    metrics: dict[str, float]
    rows_per_second: float
    weights: FileDigest
    versions: dict[str, str]


@dataclass(frozen=True)
class RunDirectory:
    """Paths in the directory of one training run, which driver and ranks share."""

    root: Path

    @property
    def job(self) -> Path:
        """The TrainingJob."""
        return self.root / "job.json"

    @property
    def result(self) -> Path:
        """The TrainingResult."""
        return self.root / "result.json"

    @property
    def test_predictions(self) -> Path:
        """keys `<U`, labels int64 (N,), probabilities float32 (N, C) of the test split, in key order."""
        return self.root / "test_predictions.npz"

    @property
    def stop(self) -> Path:
        """The driver's wish that training ends after the present epoch, as a file without content."""
        return self.root / "stop"

    def reports(self, rank: int) -> Path:
        """The folder of a rank's numbered report files."""
        return self.root / "reports" / f"rank_{rank}"

    def log(self, rank: int) -> Path:
        """What a rank's process printed."""
        return self.root / "logs" / f"rank_{rank}.log"

    def failure(self, rank: int) -> Path:
        """Why a rank failed."""
        return self.root / "failures" / f"rank_{rank}.json"

    def weights(self, suffix: str) -> Path:
        """The best weights so far."""
        return self.root / f"best_weights{suffix}"

    def clear(self) -> None:
        """Remove what an earlier training run left here; other files stay."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("reports", "logs", "failures"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        for path in (self.job, self.result, self.test_predictions, self.stop, *self.root.glob("*best_weights*")):
            path.unlink(missing_ok=True)

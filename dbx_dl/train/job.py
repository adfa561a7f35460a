"""What the driver hands to the ranks, what they hand back, and where the files of a run's directory lie."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbx_dl.config import FrameworkName, TrainConfig
from dbx_dl.contracts import Contract, EpochMetrics, FileDigest, PreparedTable


class TrainingJob(Contract):
    """Everything that a rank process needs to know; training goes on from the checkpoint in `start`, if any.

    `launch` counts from 1, see `RunDirectory`.
    """

    prepared: PreparedTable
    config: TrainConfig
    framework: FrameworkName
    directory: str
    start: str | None = None
    launch: int = 1


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
    """Paths in the directory of one training run, which driver and ranks share.

    Every launch after the first one has a directory of its own inside, for its job, reports, logs and failures, so that
    what an earlier launch leaves behind cannot be mistaken for its own.
    """

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
        """keys `<U`, labels int64 (N,), probabilities float32 (N, C) of the test split, in key order, and more."""
        return self.root / "test_predictions.npz"

    @property
    def stop(self) -> Path:
        """The driver's wish that training ends after the present epoch, as a file without content."""
        return self.root / "stop"

    def reports(self, rank: int) -> Path:
        """The folder of a rank's numbered report files."""
        return self.root / "reports" / f"rank_{rank}"

    def output(self, rank: int) -> Path:
        """The folder of numbered files with the lines that a rank's process printed."""
        return self.root / "output" / f"rank_{rank}"

    def failure(self, rank: int) -> Path:
        """Why a rank failed."""
        return self.root / "failures" / f"rank_{rank}.json"

    def weights(self, suffix: str) -> Path:
        """The best weights so far."""
        return self.root / f"best_weights{suffix}"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.root / "checkpoints"

    @property
    def tracked_run(self) -> Path:
        """Which MLflow run this is."""
        return self.root / "mlflow_run.json"

    @property
    def unsent(self) -> Path:
        """What MLflow has not been told yet."""
        return self.root / "mlflow_unsent.json"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.root / "figures"

    def launch(self, number: int) -> RunDirectory:
        """The directory of a launch, counted from 1."""
        return self if number == 1 else RunDirectory(self.root / "launches" / str(number))

    def count_launches(self) -> int:
        """How many launches there have been."""
        if not self.job.exists():
            return 0
        return 1 + sum(1 for path in (self.root / "launches").glob("*"))

    def clear(self) -> None:
        """Remove what an earlier training run left here; other files stay."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("reports", "output", "failures", "launches", "checkpoints", "figures"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        for path in (self.job, self.result, self.test_predictions, self.tracked_run, self.unsent, self.stop):
            path.unlink(missing_ok=True)
        for path in self.root.glob("*best_weights*"):
            path.unlink(missing_ok=True)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings become dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat

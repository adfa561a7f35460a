"""Where the files of a training run's directory lie, which driver and ranks share."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


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
    def value(self) -> Path:
        """What rank 0's call of a user's function returned."""
        return self.root / "value.npz"

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

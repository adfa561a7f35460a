"""Trainings through the public door, and what their files say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dbx_dl
from dbx_dl.config import OptimizerConfig, TrackingConfig, TrainConfig
from dbx_dl.contracts import PreparedTable, TrainedModel
from dbx_dl.train.reports import ReportReader
from dbx_dl.train.run_directory import RunDirectory

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONFIG = TrainConfig(
    network="convnet",
    network_options={"dropout": 0.0},
    batch_size=32,
    num_epochs=12,
    optimizer=OptimizerConfig(learning_rate=2e-3),
    timeout_seconds=500,
)


@dataclass(frozen=True)
class Training:
    """A finished training and its directory."""

    model: TrainedModel
    files: RunDirectory

    @property
    def losses(self) -> list[float]:
        """The train loss of each epoch."""
        return [epoch.metrics["train_loss"] for epoch in self.model.history]

    def read_reports(self, rank: int) -> list[dict[str, Any]]:
        """What a rank reported of its own epochs (`RankMetrics`)."""
        records = ReportReader(self.files.reports(rank)).read_new()
        return [record for record in records if record["kind"] == "rank"]


def train(spark: SparkSession, prepared: PreparedTable, framework: str, directory: Path, **changes: Any) -> Training:
    """Train with CONFIG, changed, into `directory`."""
    tracking = TrackingConfig(uri=f"sqlite:///{directory}/mlflow.db", artifacts=str(directory / "artifacts"))
    config = TrainConfig.model_validate({**CONFIG.model_dump(), **changes})
    model = dbx_dl.train_network(
        spark, prepared, config, framework=framework, directory=str(directory), tracking=tracking
    )
    return Training(model, RunDirectory(directory))

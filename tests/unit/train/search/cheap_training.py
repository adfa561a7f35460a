"""A training that costs nothing and is tracked like a real one, for tests of searches."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbx_dl.config import TrackingConfig, TrainConfig
from dbx_dl.contracts import EpochMetrics, FileDigest, PreparedTable, TrainedModel
from dbx_dl.errors import RankFailedError
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.tracking import track_run


class CheapTraining:
    """Stands for `train_network`: the nearer the learning rate is to 0.1, the better; above 5 it diverges.

    `before` is called with each trial's directory; `num_running` and `most_running` count trainings at once.
    """

    def __init__(self, before: Callable[[Path], None] = lambda directory: None) -> None:
        self.directories: list[str] = []
        self.most_running = 0
        self._before = before
        self._num_running = 0
        self._lock = threading.Lock()

    def __call__(
        self,
        spark: Any,
        prepared: PreparedTable,
        config: TrainConfig,
        *,
        framework: Any,
        directory: str,
        tracking: TrackingConfig,
        on_epoch: Callable[[EpochMetrics], bool],
        parent_run_id: str,
    ) -> TrainedModel:
        with self._lock:
            self.directories.append(Path(directory).name)
            self._num_running += 1
            self.most_running = max(self.most_running, self._num_running)
        Path(directory).mkdir(parents=True, exist_ok=True)
        job = TrainingJob(prepared=prepared, config=config, framework=framework, directory=directory)
        try:
            with track_run(tracking, job, RunDirectory(Path(directory)), parent_run_id=parent_run_id) as run:
                self._before(Path(directory))
                history = []
                for epoch in _list_epochs(config):
                    history.append(epoch)
                    run.log_epoch(epoch)
                    if on_epoch(epoch):
                        break
                return _describe_model(job, run.run_id, tuple(history))
        finally:
            with self._lock:
                self._num_running -= 1


def _list_epochs(config: TrainConfig) -> list[EpochMetrics]:
    rate = config.optimizer.learning_rate
    if rate > 5:
        raise RankFailedError("rank 0 of 1 failed: the loss became nan in epoch 1, step 1\n" + 99 * "Traceback …\n")
    height = 1 - abs(math.log10(rate) + 1) / 5
    metrics = [height * epoch / config.num_epochs for epoch in range(1, config.num_epochs + 1)]
    return [
        EpochMetrics(
            epoch=epoch,
            metrics={"train_loss": 1 - value, "validation_accuracy": value, "validation_log_loss": 1 - value},
            seconds=0.1,
            rows_per_second=100.0,
        )
        for epoch, value in enumerate(metrics, 1)
    ]


def _describe_model(job: TrainingJob, run_id: str, history: tuple[EpochMetrics, ...]) -> TrainedModel:
    return TrainedModel(
        prepared=job.prepared,
        framework=job.framework,
        network=job.config.network,
        network_options=job.config.network_options,
        weights=FileDigest(path="w", sha256="0" * 64),
        directory=job.directory,
        run_id=run_id,
        tracking_uri="",
        num_ranks=1,
        batch_size=job.config.batch_size,
        seed=0,
        history=history,
        best_epoch=len(history),
        metrics={},
        rows_per_second=1.0,
        versions={},
    )

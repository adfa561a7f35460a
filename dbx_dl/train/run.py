"""Train a network on a prepared table: checks, launch, progress, one MLflow run, one TrainedModel."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dbx_dl.contracts import EpochMetrics, PreparedTable, TrainedModel
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.files import list_files
from dbx_dl.frameworks import FRAMEWORKS
from dbx_dl.frameworks.architectures import check_network
from dbx_dl.frameworks.requests import network_request
from dbx_dl.train.illustrations import log_figures
from dbx_dl.train.job import RunDirectory, TrainingJob, TrainingResult
from dbx_dl.train.launch import check_launch, launch
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.reports import follow_reports
from dbx_dl.train.tracking import TrackedRun, track_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import FrameworkName, TrackingConfig, TrainConfig

logger = logging.getLogger(__name__)

WORKER_MODULE = "dbx_dl.train.worker"


def train_network(
    spark: SparkSession,
    prepared: PreparedTable,
    config: TrainConfig,
    *,
    framework: str,
    directory: str,
    tracking: TrackingConfig,
    on_epoch: Callable[[EpochMetrics], bool] | None = None,
    parent_run_id: str | None = None,
) -> TrainedModel:
    """Train with the config's ranks and launcher; weights, reports and test predictions go into `directory`.

    What an earlier training left in `directory` is removed. The weights are those of the best epoch (validation
    accuracy, then log loss); `metrics` are the test split's, named `test_<metric>`. `on_epoch` gets the metrics of each
    epoch while ranks train on, instead of the log; once it returns True they stop after the epoch that they are in. The
    MLflow run becomes a child of `parent_run_id`. ConfigError, DataError and
    SetupError come before anything is submitted, or from the ranks; RankFailedError carries a rank's traceback.
    """
    check_request(prepared, config, framework)
    check_launch(spark, config)
    root = Path(directory).absolute()
    job = TrainingJob(prepared=prepared, config=config, framework=cast("FrameworkName", framework), directory=str(root))
    files = _clear_directory(root)
    with track_run(tracking, job, parent_run_id) as run:
        job.save(files.job)
        logger.info("[%s] training %s on %s", framework, config.network, _describe_ranks(config))
        result = _run_ranks(spark, job, files, _make_handler(job, files, run, on_epoch))
        run.log_result(result)
        log_figures(run, prepared, result, files.test_predictions)
    return _describe_model(job, result, run.run_id, tracking.uri)


def check_request(prepared: PreparedTable, config: TrainConfig, framework: str) -> None:
    """ConfigError or DataError, before anything starts, for a training that cannot be."""
    if framework not in FRAMEWORKS:
        raise ConfigError(f"unknown framework {framework!r}: choose one of {', '.join(FRAMEWORKS)}")
    task, names = prepared.target.task, prepared.target.label_names
    if not prepared.target.is_classification:
        raise DataError(
            f"table {prepared.table.name} is for the task {task}: networks learn binary and multiclass tasks"
        )
    if len(names) < 2:
        raise DataError(f"table {prepared.table.name} has one class only ({', '.join(names)}): two are needed to learn")
    if prepared.split_rows.get("train", 0) == 0:
        raise DataError(f"table {prepared.table.name} has no rows in its train split: prepare more rows")
    check_network(network_request(prepared, config.network, config.network_options, config.seed))
    list_files(prepared.table, "train", prepared.key_column)


def _clear_directory(root: Path) -> RunDirectory:
    files = RunDirectory(root)
    try:
        files.clear()
    except OSError as error:
        raise ConfigError(f"the run's directory {root} cannot be written: {error.strerror}") from None
    return files


def _run_ranks(
    spark: SparkSession, job: TrainingJob, files: RunDirectory, handle: Callable[[dict[str, Any]], None]
) -> TrainingResult:
    program = RankProgram(
        module=WORKER_MODULE,
        arguments=(str(files.job),),
        directory=job.directory,
        num_ranks=job.config.num_ranks,
        timeout_seconds=job.config.timeout_seconds,
        import_path=tuple(str(Path(entry).absolute()) for entry in sys.path),
    )
    with follow_reports([files.reports(0)], handle):
        launch(spark, program, job.config.launcher)
    return TrainingResult.load(files.result)


def _make_handler(
    job: TrainingJob, files: RunDirectory, run: TrackedRun, on_epoch: Callable[[EpochMetrics], bool] | None
) -> Callable[[dict[str, Any]], None]:
    def handle(record: dict[str, Any]) -> None:
        if record["kind"] != "epoch":
            return
        epoch = EpochMetrics.model_validate({name: value for name, value in record.items() if name != "kind"})
        if on_epoch is None:
            logger.info(describe_epoch(job.framework, epoch, job.config.num_epochs))
        elif on_epoch(epoch):
            files.stop.touch()
        run.log_epoch(epoch)

    return handle


def describe_epoch(framework: str, epoch: EpochMetrics, num_epochs: int) -> str:
    """The progress line of an epoch."""
    parts = [f"[{framework}] epoch {epoch.epoch}/{num_epochs}", f"loss {epoch.metrics['train_loss']:.4g}"]
    if "validation_accuracy" in epoch.metrics:
        parts.append(f"validation accuracy {epoch.metrics['validation_accuracy']:.4f}")
    return f"{' '.join(parts)} · {epoch.rows_per_second:,.0f} rows/s"


def _describe_ranks(config: TrainConfig) -> str:
    ranks = "1 rank" if config.num_ranks == 1 else f"{config.num_ranks} ranks"
    return f"{ranks} with batches of {config.batch_size} rows each (launcher {config.launcher})"


def _describe_model(job: TrainingJob, result: TrainingResult, run_id: str, tracking_uri: str) -> TrainedModel:
    return TrainedModel(
        prepared=job.prepared,
        framework=job.framework,
        network=job.config.network,
        network_options=job.config.network_options,
        weights=result.weights,
        directory=job.directory,
        run_id=run_id,
        tracking_uri=tracking_uri,
        num_ranks=job.config.num_ranks,
        batch_size=job.config.batch_size,
        seed=job.config.seed,
        history=result.history,
        best_epoch=result.best_epoch,
        metrics=result.metrics,
        rows_per_second=result.rows_per_second,
        versions=result.versions,
    )

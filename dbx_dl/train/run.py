"""Train a network on a prepared table: checks, launch, progress, one MLflow run, one TrainedModel."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dbx_dl.contracts import EpochMetrics, PreparedTable, TrainedModel
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.storage import lend_options
from dbx_dl.frameworks import FRAMEWORKS
from dbx_dl.frameworks.architectures import check_network
from dbx_dl.frameworks.requests import check_objective, check_pretraining, network_request
from dbx_dl.tasks.retargeting import aim
from dbx_dl.train.checkpoint_files import discard_after, find_latest
from dbx_dl.train.directory_lock import alone_in
from dbx_dl.train.illustrations import log_figures
from dbx_dl.train.job import TrainingJob, TrainingResult
from dbx_dl.train.launch import check_framework, check_launch, launch
from dbx_dl.train.meters import RankMetrics, StepMetrics
from dbx_dl.train.noise import add_noise, expect_noise
from dbx_dl.train.preflight import FEED_PACKAGES, FRAMEWORK_PACKAGES, check_executors
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.reports import follow_reports
from dbx_dl.train.restarts import launch_until_done
from dbx_dl.train.resuming import describe_change, digest_job, require_same_job
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.staging import make_readable
from dbx_dl.train.starting import find_start_weights, resolve_start
from dbx_dl.train.tracking import TrackedRun, track_run
from dbx_dl.train.transitions import check_counted, is_counted, write_markov_chain

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import FrameworkName, TrackingConfig, TrainConfig

logger = logging.getLogger(__name__)

WORKER_MODULE = "dbx_dl.train.worker"
# A batch may have so many times the rows that there are, and this many anyway.
_MAX_PADDING, _MIN_BATCH_LIMIT = 16, 4096
# An epoch's line has the first of these that there is.
_SHOWN = (
    *("accuracy", "f1_micro", "simplified_silhouette", "pinball", "nll", "rmse", "map_50", "mean_iou", "ndcg"),
    "reconstruction_error",
    "energy_distance",
)


def train_network(
    spark: SparkSession,
    prepared: PreparedTable,
    config: TrainConfig,
    *,
    framework: str,
    directory: str,
    tracking: TrackingConfig,
    resume: bool = False,
    on_epoch: Callable[[EpochMetrics], bool] | None = None,
    parent_run_id: str | None = None,
) -> TrainedModel:
    """Train with the config's ranks and launcher; weights, reports and test predictions go into `directory`.

    What an earlier training left in `directory` is removed; with `resume` it goes on from its latest checkpoint, in the
    same MLflow run, and ConfigError names what is different where config or table are not the same. Ranks that are
    lost are launched again, see `CheckpointConfig`. The weights are those of the best epoch (`selection.rate_epoch`);
    `metrics` are the test split's, named `test_<metric>`. `on_epoch` gets the metrics of each epoch while ranks train
    on, instead of the log; once it returns True they stop after the epoch that they are in. A Markov chain is counted
    in Spark, without ranks (`train.transitions`). The MLflow run becomes a child of `parent_run_id`. ConfigError (also
    where another training works in `directory`), DataError and SetupError come before anything is submitted, or from
    the ranks; RankFailedError carries a rank's traceback.
    """
    retargeted = aim(prepared, config)
    check_request(expect_noise(retargeted, config), config, framework)
    check_framework(config.launcher, framework)
    check_launch(spark, config)
    root = Path(directory).absolute()
    prepared = add_noise(spark, retargeted, config, root)
    job = TrainingJob(
        prepared=prepared,
        config=resolve_start(config),
        framework=cast("FrameworkName", framework),
        directory=str(root),
    )
    files = RunDirectory(root)
    is_resumed = resume and files.job.exists()
    if is_resumed:
        require_same_job(TrainingJob.load(files.job), job)
    _check_executors(spark, config, framework, root)
    job = job.model_copy(update={"prepared": make_readable(spark, prepared, config, root)})
    with alone_in(root):
        if not is_resumed:
            _clear_directory(files, resume)
        with track_run(tracking, job, files, is_resumed=is_resumed, parent_run_id=parent_run_id) as run:
            if not (is_resumed and files.result.exists()):
                if is_counted(config.network):
                    write_markov_chain(spark, job, files)
                else:
                    _run_ranks(spark, job, files, _make_handler(job, files, run, on_epoch))
            result, num_restarts = TrainingResult.load(files.result), max(0, files.count_launches() - 1)
            run.log_result(result, num_restarts)
            log_figures(run, prepared, result, files.test_predictions)
    return _describe_model(job, result, run.run_id, tracking.uri, num_restarts)


def check_request(prepared: PreparedTable, config: TrainConfig, framework: str) -> None:
    """ConfigError or DataError, before anything starts, for a training that cannot be."""
    if framework not in FRAMEWORKS:
        raise ConfigError(f"unknown framework {framework!r}: choose one of {', '.join(FRAMEWORKS)}")
    names = prepared.target.label_names
    check_objective(prepared, config)
    if prepared.target.is_classification and len(names) < 2:
        raise DataError(f"table {prepared.table.name} has one class only ({', '.join(names)}): two are needed to learn")
    if prepared.split_rows.get("train", 0) == 0:
        raise DataError(f"table {prepared.table.name} has no rows in its train split: prepare more rows")
    _require_rows_for_batches(prepared, config)
    if is_counted(config.network):
        check_counted(prepared, config)
    check_network(network_request(prepared, config.network, config.network_options, config.seed))
    check_pretraining(prepared, config)
    if config.start is not None:
        find_start_weights(config.start, framework)


def _require_rows_for_batches(prepared: PreparedTable, config: TrainConfig) -> None:
    """ConfigError for batches that are nearly all padding: they would cost a machine's memory for nothing."""
    num_rows = prepared.split_rows["train"]
    if config.batch_size > max(_MIN_BATCH_LIMIT, _MAX_PADDING * num_rows):
        raise ConfigError(
            f"train.batch_size is {config.batch_size}, and the train split of {prepared.table.name} has {num_rows} "
            f"rows: nearly all of a batch would be padding; set it to {num_rows} at most"
        )


def _check_executors(spark: SparkSession, config: TrainConfig, framework: str, root: Path) -> None:
    if config.launcher == "in_process":
        return
    group = () if config.num_ranks == 1 or config.launcher == "torch_ddp" else ("horovod",)
    check_executors(spark, (*FEED_PACKAGES, *FRAMEWORK_PACKAGES[framework], *group), root)


def _clear_directory(files: RunDirectory, resume: bool) -> None:
    if resume:
        logger.info("%s has no training to go on with: it starts from the beginning", files.root)
    try:
        files.clear()
    except OSError as error:
        raise ConfigError(f"the run's directory {files.root} cannot be written: {error.strerror}") from None


def _run_ranks(
    spark: SparkSession, job: TrainingJob, files: RunDirectory, handle: Callable[[dict[str, Any]], None]
) -> None:
    """Launch ranks until they have written the result, each time from the latest checkpoint."""

    def launch_once() -> None:
        number = files.count_launches() + 1
        start = _choose_start(job, files)
        if number > 1 and start is None:
            logger.info("[%s] there is no checkpoint yet: it starts from the beginning", job.framework)
        here = files.launch(number)
        job.model_copy(update={"start": start, "launch": number}).save(here.job)
        logger.info("[%s] training %s on %s", job.framework, job.config.network, _describe_ranks(job.config))
        _launch_ranks(spark, job, here, handle)

    launch_until_done(launch_once, lambda: check_launch(spark, job.config), job.config.checkpoint, name=job.framework)


def _choose_start(job: TrainingJob, files: RunDirectory) -> str | None:
    """The folder of the latest whole checkpoint; what comes after it is removed."""
    latest = find_latest(files.checkpoints)
    discard_after(files.checkpoints, latest)
    if latest is None:
        return None
    progress = latest.progress
    if progress.job_digest != digest_job(job):
        raise ConfigError(f"{latest.folder} is of another training: start anew without resume")
    change = describe_change(progress, job)
    place = f"epoch {progress.epoch}, step {progress.step + 1}"
    logger.info("[%s] going on at %s%s", job.framework, place, f"; {change}" if change else "")
    return str(latest.folder)


def _launch_ranks(
    spark: SparkSession, job: TrainingJob, here: RunDirectory, handle: Callable[[dict[str, Any]], None]
) -> None:
    num_ranks = job.config.num_ranks
    program = RankProgram(
        module=WORKER_MODULE,
        arguments=(str(here.job),),
        directory=str(here.root),
        num_ranks=num_ranks,
        timeout_seconds=job.config.timeout_seconds,
        import_path=tuple(str(Path(entry).absolute()) for entry in sys.path),
        # Asked for anew with every launch, since credentials expire.
        variables=lend_options(job.prepared.storage_options),
    )
    with follow_reports([here.reports(rank) for rank in range(num_ranks)], handle):
        launch(spark, program, job.config.launcher)


def _make_handler(
    job: TrainingJob, files: RunDirectory, run: TrackedRun, on_epoch: Callable[[EpochMetrics], bool] | None
) -> Callable[[dict[str, Any]], None]:
    def handle(record: dict[str, Any]) -> None:
        kind, values = record["kind"], {name: value for name, value in record.items() if name != "kind"}
        if kind == "epoch":
            epoch = EpochMetrics.model_validate(values)
            if on_epoch is None:
                logger.info(describe_epoch(job.framework, epoch, job.config.num_epochs))
            elif on_epoch(epoch):
                files.stop.touch()
            run.log_epoch(epoch)
        elif kind == "steps":
            run.log_steps(StepMetrics.model_validate(values))
        elif kind == "rank":
            run.log_rank(RankMetrics.model_validate(values))

    return handle


def describe_epoch(framework: str, epoch: EpochMetrics, num_epochs: int) -> str:
    """The progress line of an epoch."""
    parts = [f"[{framework}] epoch {epoch.epoch}/{num_epochs}", f"loss {epoch.metrics['train_loss']:.4g}"]
    for name in _SHOWN:
        if f"validation_{name}" in epoch.metrics:
            parts.append(f"validation {name} {epoch.metrics[f'validation_{name}']:.4f}")
            break
    return f"{' '.join(parts)} · {epoch.rows_per_second:,.0f} rows/s"


def _describe_ranks(config: TrainConfig) -> str:
    ranks = "1 rank" if config.num_ranks == 1 else f"{config.num_ranks} ranks"
    return f"{ranks} with batches of {config.batch_size} rows each (launcher {config.launcher})"


def _describe_model(
    job: TrainingJob, result: TrainingResult, run_id: str, tracking_uri: str, num_restarts: int
) -> TrainedModel:
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
        num_restarts=num_restarts,
        calibration=result.calibration,
        threshold=result.threshold,
    )

"""The stages in order: each loads the contracts it needs, calls the public API once and saves what it returns."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import dbx_dl
from dbx_dl.config import PrepareAudioConfig, PrepareFilesSection, PrepareImagesConfig, RunConfig
from dbx_dl.contracts import (
    Backtest,
    ClusterProfiles,
    Comparison,
    Contract,
    OnnxModel,
    PreparedTable,
    Promotion,
    RegisteredModel,
    ScoredTable,
    SearchResult,
    TrainedModel,
)
from dbx_dl.errors import ConfigError
from dbx_dl.labelling import prepares_resolved, resolve_run
from dbx_dl.monitor.run_report.outcome import RunOutcome
from dbx_dl.runtime.databricks import mount_path, set_task_value
from dbx_dl.runtime.handover import fetch, keep
from dbx_dl.runtime.waiting import shown_waiting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)
T = TypeVar("T")
C = TypeVar("C", bound=Contract)

# Which task of a Databricks job leaves which contract.
TASKS = {
    "prepared": "prepare",
    "trained": "train",
    "onnx": "export",
    "registered": "register",
    "promotion": "promote",
    "scored": "score",
    "monitored": "monitor",
}


def run_pipeline(spark: SparkSession, config: RunConfig) -> RunOutcome:
    """Take one run the whole way and return its contracts; the first failing stage's DbxDlError ends it."""
    from dbx_dl.register.ledger import find_ledger
    from dbx_dl.train.launch import check_launch

    started = time.monotonic()
    logger.info("Run %s: %s", config.name, Path(config.directory).absolute())
    check_launch(spark, config.train)
    find_ledger(config.registry.name, config.tracking.uri, config.registry.ledger)
    prepare_run(spark, config)
    for framework in config.frameworks:
        train_run(spark, config, framework)
        export_run(spark, config, framework)
        register_run(config, framework)
    promote_run(spark, config)
    score_run(spark, config)
    report_run(spark, config)
    logger.info("Run %s: finished in %.0f s", config.name, time.monotonic() - started)
    return load_outcome(config)


def prepare_run(spark: SparkSession, config: RunConfig, *, refit: bool = False) -> PreparedTable:
    """Bring the run's Delta table up to date with its source, or with `refit` anew; writes `prepared.json`.

    Where it reads labels that the run itself resolves, these are resolved before.
    """
    section = config.prepare.model_copy(update={"refit": refit or config.prepare.refit})
    if prepares_resolved(config):
        _timed(config, "label", lambda: resolve_run(spark, config))

    def prepare() -> PreparedTable:
        if isinstance(section, PrepareImagesConfig):
            return dbx_dl.prepare_images(spark, section)
        if isinstance(section, PrepareAudioConfig):
            return dbx_dl.prepare_audio(spark, section)
        return dbx_dl.prepare_table(spark, section)

    prepared = _timed(config, "prepare", prepare)
    _keep_prepared(spark, config, prepared)
    return prepared


def stream_run(spark: SparkSession, config: RunConfig, checkpoint: str, interval_seconds: float | None) -> None:
    """Take new images into the run's Delta table as they arrive, see `stream_images`; returns when the query ends."""
    from dbx_dl.prepare.images.stream import stream_images
    from dbx_dl.runtime.file_streams import await_stream

    if not isinstance(config.prepare, PrepareFilesSection):
        raise ConfigError(f"run {config.name} prepares a table: only folders of images or recordings can be streamed")
    query = stream_images(spark, config.prepare, checkpoint=checkpoint, interval_seconds=interval_seconds)
    _timed(config, "prepare", lambda: await_stream(query))
    _keep_prepared(spark, config, dbx_dl.load_prepared(spark, config.prepare.table))


def train_run(spark: SparkSession, config: RunConfig, framework: str, *, resume: bool = False) -> TrainedModel:
    """Train the run's network with one framework, or go on with it; writes `<framework>/trained.json`."""
    _require_framework(config, framework)
    prepared = _fetch(PreparedTable, config, "prepared")
    _check_metric(prepared, config)
    directory = _place(config) / framework
    trained = _timed(
        config,
        f"train {framework}",
        lambda: dbx_dl.train_network(
            spark,
            prepared,
            config.train,
            framework=framework,
            directory=str(directory),
            tracking=config.tracking,
            resume=resume,
        ),
    )
    _keep(config, "trained", trained, framework)
    return trained


def _check_metric(prepared: PreparedTable, config: RunConfig) -> None:
    """ConfigError where promotion could not decide by the config's metrics: training would be for nothing."""
    from dbx_dl.register.measurement import choose_metric
    from dbx_dl.tasks import TASKS
    from dbx_dl.tasks.retargeting import aim

    aimed = aim(prepared, config.train)
    if aimed.target.task in TASKS:
        choose_metric(aimed, config.registry)


def log_run(config: RunConfig, framework: str) -> int:
    """Log to MLflow what a training kept while the server was away; gives the number of messages."""
    from dbx_dl.train.tracking import send_kept

    _require_framework(config, framework)
    return send_kept(str(_place(config) / framework), tracking=config.tracking)


def search_run(spark: SparkSession, config: RunConfig, framework: str) -> SearchResult:
    """Search for the best settings with one framework; writes `<framework>/search.json` and the best `trained.json`."""
    _require_framework(config, framework)
    search = config.search
    if search is None:
        raise ConfigError(f"run {config.name} has no section search: add one with num_trials and space")
    prepared = _fetch(PreparedTable, config, "prepared")
    _check_metric(prepared, config)
    directory = _place(config) / framework
    result = _timed(
        config,
        f"search {framework}",
        lambda: dbx_dl.search_network(
            spark,
            prepared,
            config.train,
            search,
            framework=framework,
            directory=str(directory),
            tracking=config.tracking,
        ),
    )
    result.save(directory / "search.json")
    _keep(config, "trained", result.best, framework)
    return result


def export_run(spark: SparkSession, config: RunConfig, framework: str) -> OnnxModel:
    """Export one framework's trained model to ONNX and check it; writes `<framework>/onnx.json`."""
    _require_framework(config, framework)
    directory = _place(config) / framework
    trained = _fetch(TrainedModel, config, "trained", framework)
    onnx = _timed(
        config,
        f"export {framework}",
        lambda: dbx_dl.export_onnx(spark, trained, config.export, directory=str(directory)),
    )
    _keep(config, "onnx", onnx, framework)
    if onnx.trained.prepared.target.task == "clustering":
        profile_run(spark, config, framework)
    return onnx


def profile_run(spark: SparkSession, config: RunConfig, framework: str) -> ClusterProfiles:
    """Tell what the clusters of one framework's file are like; writes `<framework>/clusters.json` and its like."""
    _require_framework(config, framework)
    onnx, directory = _fetch(OnnxModel, config, "onnx", framework), str(_place(config) / framework)
    return _timed(
        config,
        f"profile {framework}",
        lambda: dbx_dl.profile_clusters(spark, onnx, directory=directory, tracking=config.tracking),
    )


def compare_run(config: RunConfig, framework: str) -> Comparison:
    """Compare one framework's ONNX file with the network that it came from, and time both."""
    _require_framework(config, framework)
    onnx = _fetch(OnnxModel, config, "onnx", framework)
    return _timed(config, f"compare {framework}", lambda: dbx_dl.compare_model(onnx))


def register_run(config: RunConfig, framework: str) -> RegisteredModel:
    """Register one framework's ONNX file as a challenger; writes `<framework>/registered.json`."""
    _require_framework(config, framework)
    onnx = _fetch(OnnxModel, config, "onnx", framework)
    registered = _timed(
        config,
        f"register {framework}",
        lambda: dbx_dl.register_model(onnx, config.registry, tracking=config.tracking),
    )
    _keep(config, "registered", registered, framework)
    return registered


def promote_run(spark: SparkSession, config: RunConfig) -> Promotion:
    """Compare the run's registered models and the present champion on the test split; writes `promotion.json`."""
    candidates = [_fetch(RegisteredModel, config, "registered", name) for name in config.frameworks]
    promotion = _timed(
        config,
        "promote",
        lambda: dbx_dl.promote_model(spark, candidates, config.registry, tracking=config.tracking),
    )
    _keep(config, "promotion", promotion)
    set_task_value("has_new_champion", str(promotion.has_new_champion).lower())
    return promotion


def backtest_run(spark: SparkSession, config: RunConfig) -> Backtest:
    """Measure the run's model on the test windows, origin by origin; writes `backtest.json`."""
    registered = _fetch(RegisteredModel, config, "registered", config.frameworks[0])
    prepared, uri = registered.onnx.trained.prepared, config.tracking.uri
    found = _timed(
        config,
        "backtest",
        lambda: dbx_dl.backtest_model(spark, config.score.model, prepared, tracking_uri=uri),
    )
    found.save(_place(config) / "backtest.json")
    return found


def score_run(spark: SparkSession, config: RunConfig) -> ScoredTable:
    """Score the run's input with the model that its config names; writes `scored.json`."""
    scored = _timed(config, "score", lambda: dbx_dl.score_table(spark, config.score, tracking=config.tracking))
    _keep(config, "scored", scored)
    return scored


def explain_score_run(spark: SparkSession, config: RunConfig) -> list[tuple[str, str]]:
    """What `score_run` would do, as rows of a table; nothing is scored."""
    from dbx_dl.score.tables.explanation import explain_score

    with shown_waiting(f"{config.name}: score --explain"):
        return explain_score(spark, config.score, tracking=config.tracking)


def stream_score_run(spark: SparkSession, config: RunConfig) -> None:
    """Score what is new in the run's input as it arrives, see `score_stream`; returns when the query ends."""
    from dbx_dl.runtime.file_streams import await_stream

    query = dbx_dl.score_stream(spark, config.score, tracking=config.tracking)
    _timed(config, "score", lambda: await_stream(query))


def report_run(spark: SparkSession, config: RunConfig) -> Path:
    """Write the run's page from its contracts; returns the path of `report.html`."""
    from dbx_dl.monitor.run_report.page import write_report

    outcome = load_outcome(config)
    path = _place(config) / "report.html"
    return _timed(config, "report", lambda: write_report(spark, [outcome], path, title=f"dbx_dl run {config.name}"))


def load_outcome(config: RunConfig) -> RunOutcome:
    """The contracts of a run whose stages have all been run; DataError names the first file that is absent."""
    place = _place(config)
    return RunOutcome(
        config=config,
        prepared=PreparedTable.load(place / "prepared.json"),
        registered=tuple(RegisteredModel.load(place / f / "registered.json") for f in config.frameworks),
        promotion=Promotion.load(place / "promotion.json"),
        scored=ScoredTable.load(place / "scored.json"),
    )


def _place(config: RunConfig) -> Path:
    return Path(mount_path(config.directory)).absolute()


def _locate(config: RunConfig, name: str, framework: str | None) -> tuple[Path, str]:
    """The file of a contract, and its name as a task's value."""
    path = _place(config) / (framework or "") / f"{name}.json"
    return path, name if framework is None else f"{name}_{framework}"


def _keep(config: RunConfig, name: str, contract: Contract, framework: str | None = None) -> None:
    path, key = _locate(config, name, framework)
    keep(contract, path, key)


def _fetch(kind: type[C], config: RunConfig, name: str, framework: str | None = None) -> C:
    path, key = _locate(config, name, framework)
    return fetch(kind, path, TASKS[name], key)


def _keep_prepared(spark: SparkSession, config: RunConfig, prepared: PreparedTable) -> None:
    from dbx_dl.prepare.images.samples import draw_file_samples

    if isinstance(config.prepare, PrepareFilesSection):
        draw_file_samples(spark, prepared, _place(config) / "prepared.png")
    _keep(config, "prepared", prepared)


def _require_framework(config: RunConfig, framework: str) -> None:
    if framework not in config.frameworks:
        raise ConfigError(
            f"run {config.name} has no framework {framework!r}: choose one of {', '.join(config.frameworks)}"
        )


def _timed(config: RunConfig, stage: str, work: Callable[[], T]) -> T:
    logger.info("── %s: %s", config.name, stage)
    started = time.monotonic()
    with shown_waiting(f"{config.name}: {stage}"):
        result = work()
    logger.debug("%s: %s took %.1f s", config.name, stage, time.monotonic() - started)
    return result

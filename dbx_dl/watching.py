"""Watch a run's predictions: joins what stages know of the model and its data with what monitoring measures."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import Estimate, Monitored, QualityBaseline
from dbx_dl.errors import ConfigError, DataError, DbxDlError
from dbx_dl.monitor.findings_table import require_run_name
from dbx_dl.monitor.looking import look_at
from dbx_dl.monitor.watched import Watched
from dbx_dl.monitor.watched_model import find_model
from dbx_dl.monitor.windows import pin_scored
from dbx_dl.runtime.databricks import mount_path, set_task_value
from dbx_dl.runtime.handover import keep
from dbx_dl.runtime.waiting import shown_waiting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import MonitorConfig, RunConfig, ScoreConfig, TrackingConfig
    from dbx_dl.contracts import PreparedTable
    from dbx_dl.monitor.watched_model import WatchedModel

logger = logging.getLogger(__name__)

# The value that a job's condition task asks for, `true` or `false`.
SHOULD_RETRAIN = "should_retrain"
# Tables of a model's versions, the latest first, whose rows are counted.
_MAX_TABLES = 20
REPORT, KEPT = "monitor.html", "monitored.json"


def monitor_run(spark: SparkSession, config: RunConfig) -> Monitored:
    """Look at the run's predictions as its section `monitor` says; writes `monitored.json` and the page.

    In a Databricks job the verdict is also the task's value `should_retrain`. It is left before findings are committed:
    a run that is killed in between looks at the same rows again and comes to the same verdict; one that is killed after
    them and made again has nothing to look at, and leaves the verdict on that version once more.
    """
    place, started = Path(mount_path(config.directory)).absolute(), time.monotonic()

    def deliver(monitored: Monitored) -> None:
        keep(monitored, place / KEPT, "monitored")
        set_task_value(SHOULD_RETRAIN, str(monitored.should_retrain).lower())

    logger.info("── %s: monitor", config.name)
    report = Path(mount_path(config.monitor.report)).absolute() if config.monitor.report else place / REPORT
    with shown_waiting(f"{config.name}: monitor"):
        monitored = monitor_scores(
            spark,
            config.monitor,
            config.score,
            tracking=config.tracking,
            run=config.name,
            report=str(report),
            on_found=deliver,
        )
    monitored = _recall(monitored, place / KEPT)
    deliver(monitored)
    logger.debug("%s: monitor took %.1f s", config.name, time.monotonic() - started)
    return monitored


def _recall(monitored: Monitored, path: Path) -> Monitored:
    """What a look found; of one that had nothing to look at, what was found before of the same version, if anything."""
    if monitored.windows or not path.is_file():
        return monitored
    try:
        kept = Monitored.load(path)
    except DbxDlError as error:
        logger.debug("%s: %s", path, error)
        return monitored
    if kept.source != monitored.source or not kept.windows:
        return monitored
    logger.info("version %d was looked at before: its verdict stands", kept.source.version)
    return kept


def monitor_scores(
    spark: SparkSession,
    config: MonitorConfig,
    score: ScoreConfig,
    *,
    tracking: TrackingConfig,
    run: str = "monitor",
    report: str | None = None,
    on_found: Callable[[Monitored], None] | None = None,
) -> Monitored:
    """Look once at a table of predictions: what drifted, how good they are, and whether to train anew.

    `score` says what was scored with which model, `run` is the name under which findings stand in their table; looks of
    one name go on from each other. Findings go to `config.table` (see `MonitorConfig`), a page to `report`, both to an
    MLflow run of `tracking`; without MLflow a warning is logged. `on_found` is called with the verdict before findings
    are committed. Looking again at the same windows puts the same findings in place of the earlier ones.

    DataError when the table of predictions, the source, the baseline or a column is gone; ConfigError when settings do
    not fit; RegistryError when the model cannot be had.
    """
    require_run_name(run)
    table, rows = pin_scored(spark, config.source or score.table)
    model = find_model(rows, score, tracking)
    prepared = find_baseline(spark, config, model)
    by_version = find_quality(spark, model, prepared, tracking)
    watched = Watched(
        run=run,
        config=config,
        score=score,
        tracking=tracking,
        model=model,
        prepared=prepared,
        quality=None if model.version is None else by_version.get(model.version),
        quality_by_version=by_version,
        report=None if report is None else Path(report),
    )
    return look_at(spark, watched, table, rows, on_found)


def find_baseline(spark: SparkSession, config: MonitorConfig, model: WatchedModel) -> PreparedTable:
    """The prepared table that scored rows are compared with, with the model's own inputs and target.

    ConfigError for a model of others without `monitor.baseline`, DataError when the table or its version is gone.
    """
    from dbx_dl.prepare.commits import load_prepared

    metadata = model.metadata
    if config.baseline is not None:
        prepared = load_prepared(spark, config.baseline, config.baseline_version)
    elif metadata is None:
        raise ConfigError(
            f"{model.uri} was not made by dbx_dl and does not say what it was trained on: name the prepared table that "
            "its predictions are compared with as monitor.baseline"
        )
    else:
        try:
            prepared = load_prepared(spark, metadata.table.name, metadata.table.version)
        except DataError as error:
            raise DataError(
                f"{model.uri} was trained on {metadata.table.name} version {metadata.table.version}: {error}; name "
                "another prepared table as monitor.baseline"
            ) from None
    if metadata is None:
        return prepared
    return prepared.model_copy(update={"inputs": metadata.inputs, "target": metadata.target})


def find_quality(
    spark: SparkSession, model: WatchedModel, prepared: PreparedTable, tracking: TrackingConfig
) -> dict[int, QualityBaseline]:
    """By version what the model reached on its test split, as registered; none of a model that is in no registry.

    How many rows that was measured on is read from the table that the version names; 0 where that is gone.
    """
    from dbx_dl.register.listing import list_models

    if model.version is None:
        return {}
    try:
        versions = list_models(tracking.uri, model.name)
    except DbxDlError as error:
        logger.warning("what %s reached on its test split is not known: %s", model.uri, error)
        return {}
    measured = sorted((each for each in versions if each.metrics), key=lambda each: -each.version)
    tables = list(dict.fromkeys((each.table, each.table_version) for each in measured))[:_MAX_TABLES]
    num_rows = {table: _count_test_rows(spark, *table, prepared) for table in tables}
    return {
        each.version: QualityBaseline(
            metrics={name: Estimate(value=value) for name, value in each.metrics.items()},
            num_rows=num_rows.get((each.table, each.table_version), 0),
        )
        for each in measured
    }


def _count_test_rows(spark: SparkSession, table: str, version: str, prepared: PreparedTable) -> int:
    """Rows of the test split of a version of a prepared table, 0 where they are not known any more."""
    from dbx_dl.prepare.commits import load_prepared

    if (table, version) == (prepared.table.name, str(prepared.table.version)):
        return prepared.split_rows.get("test", 0)
    if not table or not version.isdigit():
        return 0
    try:
        return load_prepared(spark, table, int(version)).split_rows.get("test", 0)
    except DbxDlError as error:
        logger.debug("how many test rows %s had at version %s is not known: %s", table, version, error)
        return 0

"""Score a source into a Delta table of predictions: one row out for every row to score, in one commit."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from dbx_dl.contracts import ScoredTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.table_writes import require_free_place
from dbx_dl.runtime.tables import has_table, locate_version, pin_table, read_pinned
from dbx_dl.score.columnar.job import LEFTOVERS
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.tables.score_marks import find_mark
from dbx_dl.score.tables.selection import choose_rows
from dbx_dl.score.tables.sources import open_source
from dbx_dl.score.tables.writing import LINEAGE_COLUMNS, ScoreCommit, ScoreJob, commit_predictions, require_free_names
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import ScoreConfig, TrackingConfig
    from dbx_dl.contracts import TableVersion

logger = logging.getLogger(__name__)

_MAX_ATTEMPTS = 3


def score_table(spark: SparkSession, config: ScoreConfig, *, tracking: TrackingConfig) -> ScoredTable:
    """Write predictions of the rows that `config` chooses to the Delta table `config.table`, in one atomic commit.

    Columns: key, the fields of the model's predictions (see `score_udf`), error (null where the row was scored), and
    the lineage model_name, model_version, model_sha256, model_run_id, source, source_version, input_hash (null where
    `mode` is whole), scored_at.
    Without further settings all rows are scored and an earlier predictions table is replaced; see `ScoreRowsConfig`
    for less. Running again, or after a kill, gives the same table; where another run commits first, this one starts
    over from what that left.

    DataError, with nothing written, when the source or a column is missing, keys are null or repeated,
    `config.table` holds something else than predictions, or other runs were faster three times; RegistryError when the
    model cannot be had; ConfigError when the settings do not fit together.
    """
    started = time.monotonic()
    for attempt in range(_MAX_ATTEMPTS):
        if attempt:
            logger.info("another job changed table %s meanwhile: starting over", config.table)
        job = plan_job(spark, config, tracking)
        logger.info("scoring %s (%s) with %s into table %s, on %s", *describe_job(job), job.scorer.runs_on)
        feed = job.chosen.feed
        commit = ScoreCommit(is_lost=False) if feed and feed.is_empty else commit_predictions(spark, job)
        if not commit.is_lost:
            return _count(spark, job, commit, started)
    raise DataError(f"other jobs changed table {config.table} each time while it was scored: run score again")


def plan_job(spark: SparkSession, config: ScoreConfig, tracking: TrackingConfig) -> ScoreJob:
    """What `score_table` is going to do, all checked, with nothing scored; errors as there."""
    if config.mode == "whole" and config.writer == "append":
        raise ConfigError("`write: append` needs `mode: incremental`, so that a second run adds nothing twice")
    target = find_target(spark, config)
    scorer = scorer_of(spark, fetch_model(config.model, tracking.uri), options=config.options)
    require_free_names(scorer)
    source = open_source(spark, config)
    require_other_table(source.table, target, config)
    chosen = choose_rows(spark, config, source, scorer, target)
    scorer.check(chosen.rows, "inputs")
    return ScoreJob(config, scorer, source.origin, source.table, chosen, target, is_new=target is None)


def require_other_table(source: TableVersion | None, target: TableVersion | None, config: ScoreConfig) -> None:
    """DataError where the predictions would go into the table that is scored."""
    if source is not None and target is not None and source.path == target.path:
        raise DataError(f"{config.table} is the source itself: predictions need a table of their own")


def describe_job(job: ScoreJob) -> tuple[str, str, str, str]:
    """Source, selection, model and table of a job as people read them."""
    model = job.scorer.model
    name = model.name if model.version is None else f"{model.name} version {model.version}"
    return job.origin, job.chosen.selection, name, job.config.table


def find_target(spark: SparkSession, config: ScoreConfig) -> TableVersion | None:
    """The predictions table that is there, if there is one; DataError when something else is there."""
    if not has_table(spark, config.table):
        require_free_place(config.table, "predictions", ("_delta_log", *LEFTOVERS))
        return None
    target = pin_table(spark, config.table)
    mark = find_mark(spark, config.table) if config.writer == "merge" else None
    if mark is not None and mark.writer == "append":
        raise DataError(f"table {config.table} has several predictions a key, written by append: use that, or replace")
    missing = set(LINEAGE_COLUMNS) - set(read_pinned(spark, target).columns)
    if missing:
        raise DataError(f"table {config.table} exists and holds no predictions: name another table to write to")
    return target


def _count(spark: SparkSession, job: ScoreJob, commit: ScoreCommit, started: float) -> ScoredTable:
    """What the table holds after a commit."""
    name, model = job.config.table, job.scorer.model
    table = pin_table(spark, name) if commit.version is None else locate_version(spark, name, commit.version)
    if commit.error_reasons is None:
        num_rows, errors = _count_rows(spark, table)
    else:
        num_rows, errors = commit.num_written, dict(commit.error_reasons)
    scored = ScoredTable(
        table=table,
        source=job.origin,
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
        num_rows=num_rows,
        num_errors=sum(errors.values()),
        error_reasons=dict(sorted(errors.items())),
        seconds=time.monotonic() - started,
        selection=job.chosen.selection,
        num_written=commit.num_written,
        num_removed=commit.num_removed,
    )
    logger.info("scored %d rows into %s, which has %d, %d with an error", *_figures(scored))
    if not scored.num_rows:
        logger.warning("%s holds no rows: the predictions table is empty", job.origin)
    return scored


def _count_rows(spark: SparkSession, table: TableVersion) -> tuple[int, dict[str, int]]:
    """Rows, which Delta's statistics tell, and errors by reason, for which files without any are not read."""
    from pyspark.sql import functions as F

    rows = read_pinned(spark, table)
    reason = F.substring_index("error", ": ", 1).alias("reason")
    groups = rows.where(F.col("error").isNotNull()).groupBy(reason).count().collect()
    return rows.count(), {row["reason"]: row["count"] for row in groups}


def _figures(scored: ScoredTable) -> tuple[int | None, str, int, int]:
    return scored.num_written, scored.table.name, scored.num_rows, scored.num_errors

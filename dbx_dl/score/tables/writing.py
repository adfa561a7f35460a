"""Chosen rows become predictions in a Delta table: one commit, which says what it holds, or none."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.commit_marks import mark_settings, transaction_settings
from dbx_dl.runtime.databricks import is_databricks
from dbx_dl.runtime.session_settings import file_settings, session_settings
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.table_writes import ACTION, DELETE, PUT, append_rows, is_lost_race, merge_rows, replace_table
from dbx_dl.runtime.tables import first_line, pin_table, quote_column, quote_table, read_pinned
from dbx_dl.score.columnar.job import FilesJob, plan_files
from dbx_dl.score.outputs.error_limit import INPUT_ERROR_FIELD
from dbx_dl.score.tables.row_keys import check_keys
from dbx_dl.score.tables.score_marks import ScoreMark, digest_scope, find_commit, make_id
from dbx_dl.score.tables.score_runs import count_written, is_merge

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.config.score_rows import WriteMode
    from dbx_dl.contracts import TableVersion
    from dbx_dl.score.tables.selection import ChosenRows
    from dbx_dl.score.udf import ColumnScorer

logger = logging.getLogger(__name__)

LINEAGE_COLUMNS = ("model_name", "model_version", "model_sha256", "source", "scored_at")
_LINEAGE_TYPES = {
    "model_name": "string",
    "model_version": "int",
    "model_sha256": "string",
    "model_run_id": "string",
    "source": "string",
    "source_version": "bigint",
}
# What tables of earlier versions of dbx_dl lack.
LATER_COLUMNS = {"model_run_id": "string", "source_version": "bigint", "input_hash": "bigint"}
APP_ID = "dbx_dl.score"
# The JVM interprets methods of more bytecode than this, which many columns make: Spark then makes smaller ones.
_SMALL_METHODS = {"spark.sql.codegen.hugeMethodLimit": "8000"}


@dataclass(frozen=True)
class ScoreJob:
    """Rows to score, with which model, and the state of the predictions table that this was derived from.

    `origin` says where the rows are from; `source` is the pinned Delta table, if it is one. `target` is the predictions
    table, None where there is none yet; where it `is_new` it has no rows to keep. `started_at` is when it was planned.
    """

    config: ScoreConfig
    scorer: ColumnScorer
    origin: str
    source: TableVersion | None
    chosen: ChosenRows
    target: TableVersion | None
    is_new: bool
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def lineage(self) -> dict[str, str | int | None]:
        """Where all predictions are from, by column, beside the moment."""
        model = self.scorer.model
        return {
            "model_name": model.name,
            "model_version": model.version,
            "model_sha256": model.sha256,
            "model_run_id": self.scorer.metadata.run_id if self.scorer.is_own else None,
            "source": self.origin,
            "source_version": self.source.version if self.source else None,
        }

    @property
    def writer(self) -> WriteMode:
        """How the predictions join the table; a new one is filled at once."""
        return "replace" if self.is_new else self.config.writer


@dataclass(frozen=True)
class ScoreCommit:
    """What became of a job: whether another writer was faster, and how many rows this one wrote and took out.

    `version` is the table's that it made, None where it made none. `error_reasons` count the errors of a whole new
    table; None where they are not known yet.
    """

    is_lost: bool
    num_written: int = 0
    num_removed: int = 0
    version: int | None = None
    error_reasons: Mapping[str, int] | None = None


def write_predictions(job: ScoreJob) -> None:
    """Score the job's rows and commit the predictions to its table, as one version.

    The table is there. The caller has set the session settings under which Delta marks the commit and counts its
    transaction, and looks for the mark afterwards. Whatever writes here: rows are those of `predict`, in one commit,
    and with a merge `chosen.removed` leave the table.
    """
    WRITERS[job.writer](job)


def commit_predictions(spark: SparkSession, job: ScoreJob, transaction: tuple[str, int] | None = None) -> ScoreCommit:
    """Write a job's predictions with its mark, or nothing where another writer was faster.

    Without `transaction` (app id and number) it is the one after the state that the job was derived from: of two
    writers at once only one commits. DataError when keys are null or repeated, or the table has other columns.
    """
    what = f"source {job.config.source}"
    reading = _reading_settings(spark, job)
    try:
        with session_settings(spark, reading), explain_read_errors(what):
            files = plan_files(spark, job, lambda: predict(job).schema.json()) if transaction is None else None
            if files is not None:
                return _commit_files(spark, job, files, what)
            if not job.config.has_files:
                check_keys(job.chosen.keyed, what)
            if transaction is None and _has_moved(spark, job):
                return ScoreCommit(is_lost=True)
            is_made_here = job.target is None
            job = _settle_table(spark, job)
            if transaction is None and is_made_here and _version_of(job) > 0:  # by somebody else
                return ScoreCommit(is_lost=True)
            mark = make_mark(job, is_whole=transaction is None)
            app_id, number = transaction or (APP_ID, _version_of(job) + 1)
            settings = {**mark_settings(mark.as_values()), **transaction_settings(app_id, number)}
            with session_settings(spark, settings):
                write_predictions(job)
    except Exception as error:
        if not is_lost_race(error):
            raise
        logger.debug("lost a race: %s", first_line(error))
        return ScoreCommit(is_lost=True)
    commit = find_commit(spark, job.config.table, mark.score_id)
    return ScoreCommit(_has_moved(spark, job)) if commit is None else _read_metrics(commit)


def _reading_settings(spark: SparkSession, job: ScoreJob) -> dict[str, str]:
    reading = file_settings(spark.version, has_contents=job.scorer.plan.is_slow_to_bind)
    return reading if is_databricks() else {**reading, **_SMALL_METHODS}


def _commit_files(spark: SparkSession, job: ScoreJob, files: FilesJob, what: str) -> ScoreCommit:
    """The same for data files that tasks write themselves: keys are checked on the way."""
    before = _version_of(job)
    if files.has_moved(before):
        return ScoreCommit(is_lost=True)
    mark = make_mark(job, is_whole=True)
    transaction = (APP_ID, before + 1)
    with files.score(spark, lambda: check_keys(job.chosen.keyed, what)) as written:
        is_lost = not files.commit(written, before, mark.as_values(), transaction)
    if is_lost:
        return ScoreCommit(is_lost=True)
    return ScoreCommit(
        is_lost=False,
        num_written=sum(file.num_rows for file in written),
        version=before + 1,
        error_reasons=sum((Counter(file.error_reasons) for file in written), Counter()),
    )


def _has_moved(spark: SparkSession, job: ScoreJob) -> bool:
    """Whether somebody changed the table since; what our other runs do after this, the transaction finds."""
    return job.target is not None and pin_table(spark, job.config.table).version != job.target.version


def _version_of(job: ScoreJob) -> int:
    return -1 if job.target is None else job.target.version


def _read_metrics(commit: Row) -> ScoreCommit:
    metrics = commit["operationMetrics"] or {}
    return ScoreCommit(
        is_lost=False,
        num_written=count_written(commit),
        num_removed=int(metrics.get("numTargetRowsDeleted", 0)) if is_merge(commit) else 0,
        version=commit["version"],
    )


def _settle_table(spark: SparkSession, job: ScoreJob) -> ScoreJob:
    """Make the table where there is none, so that a run killed amid its first files leaves an empty one, or fit it."""
    if job.target is None:
        append_rows(predict(job).limit(0), job.config.table)
    else:
        fit_columns(spark, job)
    return replace(job, target=pin_table(spark, job.config.table))


def make_mark(job: ScoreJob, *, is_whole: bool) -> ScoreMark:
    """The mark of a job's commit; see there what `is_whole` promises."""
    return ScoreMark(
        make_id(),
        digest_scope(job.config, job.scorer.model.sha256),
        job.config.writer,
        _version_of(job),
        is_whole and job.source is not None,
        job.chosen.source_id,
        job.source.version if job.source else None,
        job.started_at.isoformat(),
    )


def require_free_names(scorer: ColumnScorer) -> None:
    """ConfigError where a model's output has the name of a column that every predictions table has."""
    own = ("key", *LINEAGE_COLUMNS, *LATER_COLUMNS)
    taken = [name for name in scorer.fields if name.lower() in own]
    if taken:
        raise ConfigError(
            f"model {scorer.model.name} has an output {taken[0]!r}, a name that predictions tables use themselves: "
            "leave it out with the option `fields`"
        )


def predict(job: ScoreJob) -> DataFrame:
    """The predictions of the job's rows: key, the model's fields, error, and where they are from."""
    from pyspark.sql import functions as F

    scorer, inputs = job.scorer, F.col("inputs")
    is_sound = F.col("input_error").isNull()
    if job.config.options.max_error_fraction is not None:
        inputs = inputs.withField(INPUT_ERROR_FIELD, F.col("input_error"))
    names = [name for name in scorer.fields if name != "error"]
    outputs = [F.when(is_sound, F.col(f"p.{quote_column(name)}")).alias(name) for name in names]
    return job.chosen.rows.withColumn("p", scorer(inputs)).select(
        "key",
        *outputs,
        F.coalesce("input_error", "p.error").alias("error"),
        *(F.lit(value).cast(_LINEAGE_TYPES[name]).alias(name) for name, value in job.lineage.items()),
        "input_hash",
        F.current_timestamp().alias("scored_at"),
    )


def fit_columns(spark: SparkSession, job: ScoreJob) -> None:
    """Give an older predictions table the columns that came later; DataError when its predictions have other fields."""
    later, problem = compare_columns(spark, job)
    if problem is not None:
        raise DataError(problem)
    if later:
        columns = ", ".join(f"{quote_column(name)} {kind}" for name, kind in later.items())
        spark.sql(f"ALTER TABLE {quote_table(job.config.table)} ADD COLUMNS ({columns})")


def compare_columns(spark: SparkSession, job: ScoreJob) -> tuple[dict[str, str], str | None]:
    """Columns by type that the table lacks and may be given, and why the job's predictions do not fit it, if so."""
    if job.target is None or job.writer == "replace":
        return {}, None
    present = {field.name: field.dataType.simpleString() for field in read_pinned(spark, job.target).schema}
    wanted = {field.name: field.dataType.simpleString() for field in predict(job).schema}
    later = {name: kind for name, kind in LATER_COLUMNS.items() if name not in present}
    differing = sorted(name for name, kind in {**wanted, **present}.items() if wanted.get(name) != present.get(name))
    if not set(differing) - set(later):
        return later, None
    shown = ", ".join(f"{name} {present.get(name, '(none)')}" for name in differing if name not in later)
    return {}, (
        f"table {job.config.table} has columns that do not fit model {job.scorer.model.name}: {shown}; "
        "use `write: replace` or another table"
    )


def _replace(job: ScoreJob) -> None:
    replace_table(predict(job), job.config.table)


def _append(job: ScoreJob) -> None:
    append_rows(predict(job), job.config.table)


def _merge(job: ScoreJob) -> None:
    from pyspark.sql import functions as F

    changes = predict(job).withColumn(ACTION, F.lit(PUT))
    if job.chosen.removed is not None:
        removed = job.chosen.removed.select("key", F.lit(DELETE).alias(ACTION))
        changes = changes.unionByName(removed, allowMissingColumns=True)
    merge_rows(changes.sparkSession, changes, job.config.table, "key", (None, None))


WRITERS: dict[WriteMode, Callable[[ScoreJob], None]] = {
    "replace": _replace,
    "merge": _merge,
    "append": _append,
}

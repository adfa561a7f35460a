"""Explain rows of a source into a Delta table, beside what the model predicts for them, in one commit."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dbx_dl.contracts import ExplainedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.explain.background import find_background
from dbx_dl.explain.explained import FIELDS
from dbx_dl.explain.udf import explainer_of
from dbx_dl.runtime.commit_marks import mark_settings, read_mark, transaction_settings
from dbx_dl.runtime.session_settings import file_settings, session_settings
from dbx_dl.runtime.slots import count_slots
from dbx_dl.runtime.sources import explain_read_errors, read_binary_files
from dbx_dl.runtime.table_writes import append_rows, is_lost_race, replace_table, require_free_place
from dbx_dl.runtime.tables import (
    first_line,
    has_table,
    locate_version,
    pin_table,
    quote_column,
    read_history,
    read_pinned,
)
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.tables.row_keys import check_keys
from dbx_dl.score.tables.score_marks import make_id
from dbx_dl.score.tables.selection import choose_rows, shape_for_model
from dbx_dl.score.tables.sources import open_source
from dbx_dl.score.tables.table import require_other_table
from dbx_dl.score.tables.writing import ScoreJob, require_free_names
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ExplainConfig, ScoreConfig, TrackingConfig
    from dbx_dl.contracts import TableVersion
    from dbx_dl.explain.udf import ColumnExplainer
    from dbx_dl.score.udf import ColumnScorer

logger = logging.getLogger(__name__)

APP_ID, MARK = "dbx_dl.explain", "dbx_dl_explain"
METHOD, EXPLAINED_AT = "method", "explained_at"
_MAX_ATTEMPTS, _MAX_COMMITS = 3, 100
# Those of the lineage that are no strings.
_TYPES = {"model_version": "int", "source_version": "bigint"}


@dataclass(frozen=True)
class ExplainJob:
    """Rows to explain, beside the predictions that they get; `target` is the table as it is, None where none is."""

    scoring: ScoreJob
    explainer: ColumnExplainer
    target: TableVersion | None


def explain_table(
    spark: SparkSession, config: ExplainConfig, score: ScoreConfig, *, tracking: TrackingConfig
) -> ExplainedTable:
    """Write explanations of rows of `score`'s source to the Delta table `config.table`, in one atomic commit.

    Columns: key, the fields of the model's predictions, those of `explain_udf`, method, the lineage of the scorer's
    tables (model_name, model_version, model_sha256, model_run_id, source, source_version), and explained_at. An earlier
    table of explanations is replaced. Running again gives the same table; where another run commits first, this one
    starts over.

    DataError, with nothing written, when the source or a column is missing, keys are null or repeated, `config.table`
    holds something else, or other runs were faster three times; other errors as of `explain_udf` and `score_table`.
    """
    started = time.monotonic()
    for attempt in range(_MAX_ATTEMPTS):
        if attempt:
            logger.info("another job changed table %s meanwhile: starting over", config.table)
        job = plan_explanations(spark, config, score, tracking)
        logger.info("explaining %s with %s into table %s", job.scoring.origin, job.explainer.method, config.table)
        version = _commit(spark, job, config)
        if version is not None:
            return _describe(spark, job, locate_version(spark, config.table, version), started)
    raise DataError(f"other jobs changed table {config.table} each time while it was written: run explain again")


def plan_explanations(
    spark: SparkSession, config: ExplainConfig, score: ScoreConfig, tracking: TrackingConfig
) -> ExplainJob:
    """What `explain_table` is going to do, all checked, with nothing explained; errors as there."""
    wanted = _read_whole(config, score)
    target = find_explanations(spark, config.table)
    scorer = scorer_of(spark, fetch_model(wanted.model, tracking.uri), options=wanted.options)
    require_free_names(scorer)
    _require_free_fields(scorer.fields, scorer.model.name)
    source = open_source(spark, wanted)
    require_other_table(source.table, target, wanted)
    chosen = choose_rows(spark, wanted, source, scorer, None)
    scorer.check(chosen.rows, "inputs")

    def open_background() -> DataFrame:
        found = find_background(spark, scorer, config.background)
        return chosen.rows.where("input_error IS NULL").select("inputs.*") if found is None else found

    explainer = explainer_of(spark, scorer, config, open_background)
    drawn = replace(chosen, rows=draw_rows(spark, chosen.rows, wanted, scorer, config))
    scoring = ScoreJob(wanted, scorer, source.origin, source.table, drawn, target, is_new=True)
    return ExplainJob(scoring, explainer, target)


def draw_rows(
    spark: SparkSession, rows: DataFrame, score: ScoreConfig, scorer: ColumnScorer, config: ExplainConfig
) -> DataFrame:
    """At most `config.max_rows` of the rows, by a hash of their keys and the seed: the same ones every time.

    Only keys are sorted; of files, only those that are drawn are read.
    """
    from pyspark.sql import functions as F

    keys = rows.select("key").orderBy(F.xxhash64(F.lit(config.seed), "key"), "key").limit(config.max_rows)
    if score.has_files:
        names = [row["key"] for row in keys.collect()]
        if not names:
            return rows.limit(0)
        files = read_binary_files(spark, score.source, names).select("path", "size_bytes", "content")
        drawn = shape_for_model(files, score, scorer)
    else:
        drawn = rows.join(F.broadcast(keys), "key", "left_semi")
    return drawn.repartition(max(1, count_slots(spark)), "key")


def explain_rows(job: ExplainJob) -> DataFrame:
    """The table's rows: predictions and where they are from, with their explanations."""
    from pyspark.sql import functions as F

    scoring, inputs, is_sound = job.scoring, F.col("inputs"), F.col("input_error").isNull()

    def take(struct: str, fields: Iterable[str]) -> list[Column]:
        names = [name for name in fields if name != "error"]
        return [F.when(is_sound, F.col(f"{struct}.{quote_column(name)}")).alias(name) for name in names]

    rows = scoring.chosen.rows.withColumn("p", scoring.scorer(inputs)).withColumn("e", job.explainer(inputs))
    return rows.select(
        "key",
        *take("p", scoring.scorer.fields),
        *take("e", FIELDS),
        F.coalesce("input_error", "p.error", "e.error").alias("error"),
        F.lit(job.explainer.method).alias(METHOD),
        *(F.lit(value).cast(_TYPES.get(name, "string")).alias(name) for name, value in scoring.lineage.items()),
        F.current_timestamp().alias(EXPLAINED_AT),
    )


def find_explanations(spark: SparkSession, name: str) -> TableVersion | None:
    """The table of explanations that is there, if there is one; DataError when something else is there."""
    if not has_table(spark, name):
        require_free_place(name, "explanations", ("_delta_log",))
        return None
    target = pin_table(spark, name)
    missing = {METHOD, EXPLAINED_AT, *FIELDS} - set(read_pinned(spark, target).columns)
    if missing:
        raise DataError(f"table {name} exists and holds no explanations: name another table to write to")
    return target


def _read_whole(config: ExplainConfig, score: ScoreConfig) -> ScoreConfig:
    """The scoring of the rows to explain: all that `where` takes, written nowhere."""
    changes = {
        "model": config.model or score.model,
        "where": config.where or score.where,
        "table": config.table,
        "mode": "whole",
        "write": "replace",
        "stream": None,
    }
    return score.model_copy(update=changes)


def _require_free_fields(fields: dict[str, str], model: str) -> None:
    taken = [name for name in fields if name.lower() in {*FIELDS, METHOD, EXPLAINED_AT} - {"error"}]
    if taken:
        raise ConfigError(
            f"model {model} has an output {taken[0]!r}, a name that tables of explanations use themselves: leave it "
            "out with the option `fields`"
        )


def _commit(spark: SparkSession, job: ExplainJob, config: ExplainConfig) -> int | None:
    """The table's version with the explanations; None where another writer was faster: of two at once one commits."""
    commit_id = make_id()
    what = f"source {job.scoring.config.source}"
    reading = file_settings(spark.version, has_contents=job.scoring.scorer.plan.is_slow_to_bind)
    try:
        with session_settings(spark, reading), explain_read_errors(what):
            check_keys(job.scoring.chosen.keyed, what)
            rows = explain_rows(job)
            if job.target is None:  # a run that is killed amid its first files leaves an empty table
                append_rows(rows.limit(0), config.table)
            before = pin_table(spark, config.table).version
            if before != (0 if job.target is None else job.target.version):
                return None
            mark = {"id": commit_id, "method": job.explainer.method, "sha256": job.explainer.model.sha256}
            settings = {**mark_settings({MARK: mark}), **transaction_settings(APP_ID, before + 1)}
            with session_settings(spark, settings):
                replace_table(rows, config.table)
    except Exception as error:
        if not is_lost_race(error):
            raise
        logger.debug("lost a race: %s", first_line(error))
        return None
    return _find_commit(spark, config.table, commit_id)


def _find_commit(spark: SparkSession, name: str, commit_id: str) -> int | None:
    """The version with this mark; None where Delta left it out, since another run had made this transaction."""
    for row in read_history(spark, name, _MAX_COMMITS):
        mark = read_mark(row["userMetadata"], MARK)
        if isinstance(mark, dict) and mark.get("id") == commit_id:
            return int(row["version"])
    return None


def _describe(spark: SparkSession, job: ExplainJob, table: TableVersion, started: float) -> ExplainedTable:
    from pyspark.sql import functions as F

    rows = read_pinned(spark, table)
    reason = F.substring_index("error", ": ", 1).alias("reason")
    groups = rows.where("error IS NOT NULL").groupBy(reason).count().collect()
    errors = {row["reason"]: row["count"] for row in groups}
    total, gap = rows.agg(F.count("*"), F.max(F.abs("gap"))).collect()[0]
    model = job.explainer.model
    found = ExplainedTable(
        table=table,
        source=job.scoring.origin,
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
        method=job.explainer.method,
        num_rows=total,
        num_errors=sum(errors.values()),
        error_reasons=dict(sorted(errors.items())),
        largest_gap=gap,
        seconds=time.monotonic() - started,
    )
    logger.info("explained %d rows into %s, %d with an error", found.num_rows, table.name, found.num_errors)
    if not found.num_rows:
        logger.warning("%s holds no rows within `where`: the table of explanations is empty", found.source)
    return found

"""What a run of the scorer would do, as rows of a table for people; nothing is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.score.columnar.job import FilesJob, find_way
from dbx_dl.score.tables.change_feed import FeedRange
from dbx_dl.score.tables.row_keys import key_columns
from dbx_dl.score.tables.table import describe_job, plan_job
from dbx_dl.score.tables.writing import compare_columns, predict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig, TrackingConfig
    from dbx_dl.score.tables.writing import ScoreJob

_WRITERS = {
    "replace": "replaces the table",
    "merge": "puts predictions by key",
    "append": "adds predictions, earlier ones stay",
}


def explain_score(spark: SparkSession, config: ScoreConfig, *, tracking: TrackingConfig) -> list[tuple[str, str]]:
    """Name and value of what `score_table` would do with these settings; errors as there.

    Only fields that do not fit the table are no error here: the value says so. Reads the source's metadata, counts
    rows, and opens the model.
    """
    job = plan_job(spark, config, tracking)
    origin, selection, model, table = describe_job(job)
    within = job.chosen.keyed
    return [
        ("source", origin),
        ("where", config.where or "all rows"),
        ("selection", f"{selection}: {job.chosen.why}"),
        ("rows to score", _describe_rows(job, within)),
        ("files to read", _describe_files(job, within)),
        ("columns to read", ", ".join(_list_columns(job))),
        ("model", f"{model}, SHA-256 {job.scorer.model.sha256}"),
        ("table", f"{table}, {'is made' if job.is_new else _WRITERS[job.writer]}"),
        ("fields", _describe_fields(spark, job)),
        ("deleted rows", _describe_deleted(job)),
        ("batch", _describe_batch(job)),
        ("threads", f"{job.scorer.shipped.run_settings.num_threads} for each of Spark's tasks"),
        ("providers", ", ".join(job.scorer.providers)),
        ("rows pass", _describe_way(spark, job)),
    ]


def _describe_rows(job: ScoreJob, within: DataFrame) -> str:
    feed: FeedRange | None = job.chosen.feed
    if feed is not None:
        changes = f"{feed.num_inserts} inserted, {feed.num_updates} updated, {feed.num_deletes} deleted"
        return f"at most {feed.num_inserts + feed.num_updates} ({changes})"
    num_rows = within.count()
    return str(num_rows) if job.chosen.selection == "whole" else f"at most {num_rows}, as their hashes will show"


def _describe_files(job: ScoreJob, within: DataFrame) -> str:
    if job.chosen.feed is not None:
        return "those of the change feed"
    # Spark lists the files of partitions that `where` leaves, before any is opened.
    return str(len(within.inputFiles()))


def _list_columns(job: ScoreJob) -> list[str]:
    return list(dict.fromkeys((*key_columns(job.config), *job.scorer.given_columns)))


def _describe_batch(job: ScoreJob) -> str:
    plan = job.scorer.plan
    if plan.frozen_rows is not None:
        return f"{plan.frozen_rows} rows in each call, as the file says"
    if plan.batch_rows is not None:
        return f"{plan.batch_rows} rows at once"
    return f"up to {plan.max_tuned_rows} rows at once, as the first batches show to be fastest"


def _describe_fields(spark: SparkSession, job: ScoreJob) -> str:
    names = ", ".join(job.scorer.fields)
    if job.is_new or job.writer == "replace":
        return names
    _, problem = compare_columns(spark, job)
    return f"{names}: as the table has them" if problem is None else f"REFUSED: {problem}"


def _describe_way(spark: SparkSession, job: ScoreJob) -> str:
    found = find_way(spark, job, lambda: predict(job).schema.json())
    if isinstance(found, FilesJob):
        return f"from data files to data files (tasks: {len(found.shares)})"
    return f"through Spark: {found}"


def _describe_deleted(job: ScoreJob) -> str:
    if job.is_new or job.writer == "replace":
        return "have no predictions in the new table"
    return "lose their predictions" if job.chosen.removed is not None else "keep their predictions"

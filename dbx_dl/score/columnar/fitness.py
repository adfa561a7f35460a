"""May predictions be written without rows passing through Spark? A pure function of facts, and how these are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.feed.delta_log import IndirectTableError, read_log
from dbx_dl.runtime.databricks import is_databricks
from dbx_dl.runtime.tables import absolute_path, is_path
from dbx_dl.score.columnar.raw_values import explain_columns
from dbx_dl.score.columnar.target import TargetFacts, explain_target, find_target, read_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.contracts import InputSpec, TableVersion
    from dbx_dl.feed.delta_log import PinnedLog
    from dbx_dl.score.tables.writing import ScoreJob


@dataclass(frozen=True)
class JobFacts:
    """Where a job runs and what it is asked for; `source` and `table` are as the user named them."""

    is_wanted: bool
    on_databricks: bool
    is_delta: bool
    source: str
    table: str
    is_replacing: bool = True
    is_whole: bool = True
    has_mapped_inputs: bool = False
    num_key_columns: int = 1
    has_ansi_sizes: bool = True

    @property
    def is_meant(self) -> bool:
        """Whether the settings are those of a job without rows in Spark, so that only what it finds can forbid it."""
        return self.is_wanted and self.is_delta and self.is_replacing and self.is_whole


def explain_job(facts: JobFacts) -> str | None:
    """Why a job's rows must pass through Spark wherever its tables lie; None where they need not."""
    reasons = (
        (not facts.is_wanted, "`columnar` is false"),
        (
            facts.on_databricks,
            "on Databricks Spark writes tables: volumes have no atomic commit, and catalogs say who may read and write",
        ),
        (not facts.is_delta, f"{facts.source} is no Delta table"),
        (not facts.is_replacing, "predictions join those of an earlier run"),
        (not facts.is_whole, "only some rows of the source are scored"),
        (facts.has_mapped_inputs, "`inputs` names other columns than the model's"),
        (facts.num_key_columns != 1, "the key is made of several columns"),
        (not facts.has_ansi_sizes, "spark.sql.ansi.enabled is false, under which a null array has a length"),
    )
    places = (_explain_place(name) for name in (facts.source, facts.table))
    return next((reason for is_true, reason in reasons if is_true), None) or next(filter(None, places), None)


def describe_job(job: ScoreJob, *, has_ansi_sizes: bool = True) -> JobFacts:
    """The facts of a job here."""
    config = job.config
    return JobFacts(
        is_wanted=config.columnar,
        on_databricks=is_databricks(),
        is_delta=job.source is not None,
        source=config.source,
        table=config.table,
        is_replacing=job.writer == "replace",
        is_whole=job.chosen.selection == "whole" and config.where is None,
        has_mapped_inputs=job.scorer.is_own and bool(config.options.inputs),
        num_key_columns=1 if isinstance(config.key, str) else len(config.key),
        has_ansi_sizes=has_ansi_sizes,
    )


def _explain_place(name: str) -> str | None:
    if not is_path(name):
        return f"table {name} belongs to a catalog, which says who may read and write it"
    return None if absolute_path(name).startswith("/") else f"{name} is not on a local file system"


def explain_table(table: str, fields: Sequence[tuple[str, str]]) -> str | None:
    """Why only Spark can write predictions with these fields to a path; None where it can be done without."""
    path = absolute_path(table)
    target: TargetFacts | None = read_target(path) if find_target(path) else None
    reason = explain_target(target, fields) if target is not None else None
    return f"table {table}: {reason}" if reason else None


def open_source(source: TableVersion, key: str, inputs: InputSpec | None, columns: Sequence[str]) -> PinnedLog | str:
    """The pinned source, or why only Spark reads the key and the model's columns right."""
    try:
        log = read_log(source)
    except IndirectTableError as error:
        return error.reason
    except DataError as error:
        return str(error)
    reason = explain_columns(log.schema, key, inputs, columns)
    return f"source {source.name}: {reason}" if reason else log

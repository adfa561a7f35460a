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


@dataclass(frozen=True)
class PlaceFacts:
    """Where a job runs and what it is asked for; `source` and `table` are as the user named them."""

    on_databricks: bool
    is_delta: bool
    source: str
    table: str


def explain_place(facts: PlaceFacts) -> str | None:
    """Why a job's rows must pass through Spark wherever its tables lie; None where they need not."""
    if facts.on_databricks:
        return "on Databricks only Spark knows what a user may read"
    if not facts.is_delta:
        return f"{facts.source} is no Delta table"
    for name in (facts.source, facts.table):
        if not is_path(name):
            return f"table {name} belongs to a catalog, which says who may read and write it"
        if not absolute_path(name).startswith("/"):
            return f"{name} is not on a local file system"
    return None


def describe_place(source: str, table: str, is_delta: bool) -> PlaceFacts:
    """The facts of a job here."""
    return PlaceFacts(is_databricks(), is_delta, source, table)


def explain_table(table: str, fields: Sequence[tuple[str, str]]) -> str | None:
    """Why only Spark can write predictions with these fields to a path; None where it can be done without."""
    path = absolute_path(table)
    target: TargetFacts | None = read_target(path) if find_target(path) else None
    reason = explain_target(target, fields) if target is not None else None
    return f"table {table}: {reason}" if reason else None


def open_source(source: TableVersion, key: str, inputs: InputSpec) -> PinnedLog | str:
    """The pinned source, or why only Spark reads it right."""
    try:
        log = read_log(source)
    except IndirectTableError as error:
        return error.reason
    except DataError as error:
        return str(error)
    reason = explain_columns(log.schema, key, inputs)
    return f"source {source.name}: {reason}" if reason else log

"""One look at a scored table: which rows, what is found of them, the verdict, and where all of it goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbx_dl.contracts import Monitored
from dbx_dl.monitor.areas import measure_areas
from dbx_dl.monitor.findings_table import (
    LookMark,
    find_position,
    name_cut,
    read_findings,
    require_findings_table,
    write_findings,
)
from dbx_dl.monitor.page.write import LookPage, write_page
from dbx_dl.monitor.row_counts import count_looked_at
from dbx_dl.monitor.scored_inputs import join_inputs
from dbx_dl.monitor.tracked_look import log_look
from dbx_dl.monitor.verdict import decide
from dbx_dl.monitor.verdict_metrics import require_metrics
from dbx_dl.monitor.windows import Look, choose_windows
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.score.tables.change_feed import describe_source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.retrain import RetrainConfig
    from dbx_dl.contracts import Finding, TableVersion, Window
    from dbx_dl.monitor.watched import Watched

logger = logging.getLogger(__name__)

# Windows of earlier looks that the page shows beside those of this one.
NUM_SHOWN_WINDOWS = 60
OnFound = Callable[[Monitored], None]


def look_at(
    spark: SparkSession, watched: Watched, table: TableVersion, rows: DataFrame, on_found: OnFound | None = None
) -> Monitored:
    """Measure the areas of the windows that the config asks for, write page, MLflow run and findings; the verdict.

    `rows` are those of the scored `table`. The findings are committed last, after `on_found` has had the verdict, since
    they are what a later look by commits goes on from: whatever breaks off before that is looked at again.
    """
    name, by = watched.findings_table, watched.config.windows.by
    require_metrics(watched.config.retrain.metrics, watched.prepared.target)
    has_findings = require_findings_table(spark, name)
    source_id = describe_source(spark, table.name)[0]
    position = find_position(spark, name, watched.run, source_id) if has_findings and by == "commits" else None
    now = datetime.now(UTC)
    look = _open(spark, watched, table, rows, position, now)
    if not look.windows:
        return _tell_nothing(table, position)
    mark = LookMark(watched.run, look.source, source_id, name_cut(watched.config.windows), now, watched.prepared.table)
    logger.info("looking at %s, windows %s", table.name, ", ".join(window.name for window in look.windows))
    with explain_read_errors(f"{table.name}, or {watched.score.source} at the version that was scored,"):
        measured = measure_areas(spark, watched, look, mark.looked_at)
        findings = (*count_looked_at(look, watched.config.areas), *measured.findings)
    retrain = watched.config.retrain
    before = _read_before(spark, name, mark, retrain) if has_findings else ((), ())
    should_retrain, reasons = decide(findings, look.windows, retrain, before)
    monitored = Monitored(
        source=look.source,
        windows=look.windows,
        findings=findings,
        should_retrain=should_retrain,
        reasons=reasons,
        model_version=watched.model.version,
        model_sha256=watched.model.sha256,
    )
    earlier = read_findings(spark, name, mark, NUM_SHOWN_WINDOWS) if has_findings else ((), ())
    measured = replace(measured, notes=(*look.notes, *measured.notes))
    monitored = _publish(spark, LookPage(watched, look, monitored, measured, earlier))
    if on_found is not None:
        on_found(monitored)
    written = write_findings(spark, name, mark, look.windows, findings)
    return monitored.model_copy(update={"table": written})


def _read_before(
    spark: SparkSession, name: str, mark: LookMark, retrain: RetrainConfig
) -> tuple[tuple[Window, ...], tuple[Finding, ...]]:
    """What earlier looks found against the same baseline, as far as the verdict may count it."""
    if retrain.num_windows == 1 and retrain.min_alerts == 1:
        return (), ()
    return read_findings(spark, name, mark, max(NUM_SHOWN_WINDOWS, retrain.num_windows), has_same_baseline=True)


def _open(
    spark: SparkSession,
    watched: Watched,
    table: TableVersion,
    rows: DataFrame,
    position: int | None,
    now: datetime,
) -> Look:
    """The look's rows with the inputs that they are predictions of, as far as an area asks for them."""
    windows, score, inputs = watched.config.windows, watched.score, watched.prepared.inputs
    extra = watched.extra_columns
    if windows.by == "time" and windows.column not in rows.columns:
        joined = join_inputs(spark, rows, score, inputs, (*extra, windows.column))
        return choose_windows(spark, table, joined, windows, position, now)
    if set(watched.config.areas) == {"operations"} and set(extra) <= set(rows.columns):
        return choose_windows(spark, table, rows, windows, position, now)
    look = choose_windows(spark, table, rows, windows, position, now)
    return replace(look, rows=join_inputs(spark, look.rows, score, inputs, extra)) if look.windows else look


def _tell_nothing(table: TableVersion, position: int | None) -> Monitored:
    since = "" if position is None else f" since version {position}"
    logger.warning("%s has no predictions to look at%s: nothing is found and nothing written", table.name, since)
    return Monitored(source=table, windows=(), findings=(), should_retrain=False)


def _publish(spark: SparkSession, page: LookPage) -> Monitored:
    """Write the page where one is asked for, and log it with the figures to an MLflow run."""
    watched, monitored = page.watched, page.monitored
    if watched.report is not None and write_page(spark, page, watched.report):
        monitored = monitored.model_copy(update={"report": str(watched.report)})
    return monitored.model_copy(update={"run_id": log_look(watched, monitored)})

"""A look in MLflow: a run of its own with the figures, the verdict and the page."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DbxDlError
from dbx_dl.runtime.tracking import ensure_experiment, explain_failure, open_client, quiet_mlflow, short_waits

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dbx_dl.contracts import Finding, Monitored
    from dbx_dl.monitor.watched import Watched

logger = logging.getLogger(__name__)

# What MLflow refuses in the names of metrics (slashes where they make no plain path), how long they may be, and how
# many a call may log.
_ODD = re.compile(r"[^\w .:-]")
_MAX_NAME, _MAX_VALUES = 250, 1000
# Where there are more figures than a call may log, those that say most come first.
_ORDER = ("alert", "warning", "ok", "unsure", "told")


def log_look(watched: Watched, monitored: Monitored) -> str | None:
    """Log figures, verdict, findings and page; gives the run's id, or None with a warning where MLflow is away.

    A metric's name is `area.metric`, with column and part where there are such; its step is the window's place.
    """
    try:
        client = open_client(watched.tracking.uri)
        with quiet_mlflow(), short_waits():
            return _log(client, watched, monitored)
    except DbxDlError as error:
        logger.warning("MLflow was not told what monitoring found: %s", error)
    except Exception as error:
        logger.warning("MLflow was not told what monitoring found: %s", explain_failure(error))
    return None


def _log(client: MlflowClient, watched: Watched, monitored: Monitored) -> str:
    from mlflow.entities import Metric

    experiment, tags = ensure_experiment(client, watched.tracking), _list_tags(watched, monitored)
    run_id = str(client.create_run(experiment, run_name=f"monitor {watched.run}", tags=tags).info.run_id)
    status, now = "FAILED", int(time.time() * 1000)
    try:
        metrics = [Metric(name, value, now, step) for name, step, value in list_figures(monitored)]
        client.log_batch(run_id, metrics=metrics)
        client.log_dict(run_id, monitored.model_dump(mode="json"), "monitored.json")
        if monitored.report is not None:
            client.log_artifact(run_id, monitored.report)
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)
    return run_id


def list_figures(monitored: Monitored) -> list[tuple[str, int, float]]:
    """Name, step and value of what is logged as metrics, `alerts` of each area and window among them."""
    places = {window.name: place for place, window in enumerate(monitored.windows)}
    areas = sorted({finding.area for finding in monitored.findings})
    counts = {(area, window): 0 for area in areas for window in places}
    for finding in monitored.alerts:
        counts[finding.area, finding.window] += 1
    figures = [(f"{area}.alerts", places[window], float(count)) for (area, window), count in counts.items()]
    ordered = sorted(monitored.findings, key=lambda finding: _ORDER.index(finding.status))
    figures += [(name_figure(it), places[it.window], it.value) for it in ordered if it.value is not None]
    if len(figures) > _MAX_VALUES:
        logger.warning("of %d figures MLflow gets %d; all are in the table", len(figures), _MAX_VALUES)
    return list(dict.fromkeys(figures))[:_MAX_VALUES]


def name_figure(finding: Finding) -> str:
    """A finding's name as a metric."""
    parts = (finding.area, finding.metric, finding.column, finding.part)
    return _ODD.sub("_", ".".join(part for part in parts if part))[:_MAX_NAME]


def _list_tags(watched: Watched, monitored: Monitored) -> dict[str, Any]:
    tags = {
        "dbx_dl_monitor": watched.run,
        "dbx_dl_scored_table": monitored.source.name,
        "dbx_dl_scored_version": str(monitored.source.version),
        "dbx_dl_model": watched.model.uri,
        "dbx_dl_baseline": f"{watched.prepared.table.name}@v{watched.prepared.table.version}",
        "dbx_dl_windows": f"{monitored.windows[0].name} to {monitored.windows[-1].name}",
        "dbx_dl_should_retrain": str(monitored.should_retrain).lower(),
    }
    return tags | ({"mlflow.source.git.commit": watched.tracking.git_commit} if watched.tracking.git_commit else {})

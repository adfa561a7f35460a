"""What `connect_process` does on Spark Connect once a table is scored: it is watched, labelled and explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.config import (
    ExplainConfig,
    ImportanceConfig,
    LabelConfig,
    MonitorConfig,
    PrepareTableConfig,
    QueueConfig,
    ResolveConfig,
    ScoreConfig,
    TrackingConfig,
)
from dbx_dl.explain.overall.importance import measure_importance
from dbx_dl.explain.table import explain_table
from dbx_dl.export.onnx_model import write_model
from dbx_dl.label.agreement import measure_agreement
from dbx_dl.label.queue.queueing import queue_items
from dbx_dl.label.resolve import resolve_labels
from dbx_dl.label.table import append_labels, withdraw_labels
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.tables.table import score_table
from dbx_dl.watching import monitor_scores
from tests.label_events import make_event
from tests.onnx_models import make_metadata, make_network
from tests.registered_models import GOOD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable

NOWHERE = TrackingConfig(uri="sqlite:////nowhere/m.db")


def go_on_after_scoring(spark: SparkSession, folder: str, keys: list[str]) -> dict[str, Any]:
    """Prepare `rows.parquet` of the folder, score `new` with a model of it, then all that comes after.

    `keys` are those of two of the scored rows.
    """
    place = Path(folder)
    values = {"source": str(place / "rows.parquet"), "source_format": "parquet", "key": "id", "label": "label"}
    config = PrepareTableConfig.model_validate({**values, "table": str(place / "prepared")})
    prepared = prepare_table(spark, config)
    model = place / "model.onnx"
    metadata = make_metadata(prepared.inputs, prepared.target.label_names, prepared.table, prepared.target.task)
    write_model(make_network(prepared.inputs, GOOD), metadata, model)
    score = ScoreConfig(
        source=str(place / "new"), source_format="delta", key="id", model=str(model), table=str(place / "scores")
    )
    score_table(spark, score, tracking=NOWHERE)
    return {
        "watched": _watch(spark, place, score),
        "labelled": _label(spark, place, keys),
        "explained": _explain(spark, place, score, prepared),
    }


def _watch(spark: SparkSession, place: Path, score: ScoreConfig) -> dict[str, Any]:
    """Two looks by commits, of which the second one finds nothing new."""
    config = MonitorConfig.model_validate(
        {
            "windows": {"by": "commits"},
            "labels": {"table": str(place / "truth"), "key": "id", "time": "known_at"},
            "quality": {"num_resamples": 100, "slices": {"told_columns": ["colour"]}},
            "fairness": {"columns": ["colour"], "favourable": "up"},
        }
    )
    report = str(place / "monitor.html")
    first, second = (
        monitor_scores(spark, config, score, tracking=NOWHERE, run="connect", report=report) for _ in range(2)
    )
    assert first.table is not None
    return {
        "findings": [[it.area, it.column, it.metric, it.part, it.value, it.status] for it in first.findings],
        "num_stored": read_pinned(spark, first.table).count(),
        "again": len(second.windows),
    }


def _label(spark: SparkSession, place: Path, keys: list[str]) -> dict[str, Any]:
    """Two people label two items, one label is taken back, what is left is resolved; others are queued."""
    config = LabelConfig(table=str(place / "labels"), task="classes", classes=("down", "up"))
    events = [make_event(f"{person} {key}", key, "up", annotator=person) for person in ("ann", "ben") for key in keys]
    written = [append_labels(spark, config.table, events).num_new for _ in range(2)]
    agreed = measure_agreement(spark, config.table, "classes")
    withdraw_labels(
        spark, config.table, annotator="ann", label_ids=[f"{person} {keys[0]}" for person in ("ann", "ben")]
    )
    resolved = resolve_labels(spark, config, ResolveConfig(table=str(place / "resolved"), method="majority"))
    queue = QueueConfig(table=str(place / "queue"), scores=str(place / "scores"), budget=5)
    queued = [queue_items(spark, config, queue) for _ in range(2)]
    items = read_pinned(spark, queued[1].table).collect()
    return {
        "written": written,
        "num_shared": agreed.num_shared,
        "resolved": [row["key"] for row in read_pinned(spark, resolved.table).collect()],
        "queued": [row["item_key"] for row in items],
        "num_left": queued[0].num_left,
    }


def _explain(spark: SparkSession, place: Path, score: ScoreConfig, prepared: PreparedTable) -> dict[str, Any]:
    config = ExplainConfig(table=str(place / "explained"), max_rows=20)
    explained = explain_table(spark, config, score, tracking=NOWHERE)
    rows = read_pinned(spark, explained.table).collect()
    settings = ImportanceConfig(num_repeats=1, num_resamples=20)
    importances = measure_importance(spark, score.model, prepared, settings)
    return {
        "method": explained.method,
        "num_rows": explained.num_rows,
        "num_errors": explained.num_errors,
        "strongest": [row["contributions"][0]["feature"] for row in rows],
        "important": [each.feature for each in importances.features],
    }

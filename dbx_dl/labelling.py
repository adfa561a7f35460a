"""The steps of labelling a run's items, each of which calls the public API once with what the run says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import dbx_dl
from dbx_dl.config import PrepareTableConfig, RunConfig
from dbx_dl.config.label import LabelConfig, PseudoConfig
from dbx_dl.config.places import normalize_table
from dbx_dl.contracts import LabelAgreement, PseudoLabels, QueuedItems, ResolvedLabels, WrittenLabels
from dbx_dl.errors import ConfigError, RegistryError
from dbx_dl.label.pseudo.lineage import describe_other_table, find_model_version
from dbx_dl.label.rules import LabelRules
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.handover import keep
from dbx_dl.runtime.waiting import shown_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import SparkSession

    from dbx_dl.label.exchange.importing import FileFormat

logger = logging.getLogger(__name__)

INBOX = "label_inbox"


def find_inbox(config: RunConfig) -> Path:
    """The folder in which the page leaves labels for `ingest_run`."""
    label = require_label(config)
    place = Path(mount_path(config.directory)).absolute() / INBOX if label.inbox is None else mount_path(label.inbox)
    return Path(place)


def ingest_run(spark: SparkSession, config: RunConfig, *, reread: bool = False) -> WrittenLabels:
    """Move the inbox's new labels into the run's labels table."""
    label, inbox = require_label(config), str(find_inbox(config))
    with shown_waiting(f"{config.name}: ingesting labels"):
        return dbx_dl.ingest_labels(spark, inbox, label.table, LabelRules.of(label), reread=reread)


def import_run(
    spark: SparkSession,
    config: RunConfig,
    path: str,
    *,
    file_format: FileFormat | None = None,
    annotator: str | None = None,
    batch_id: str | None = None,
) -> WrittenLabels:
    """Import a file of labels into the run's labels table."""
    label = require_label(config)
    with shown_waiting(f"{config.name}: importing {path}"):
        return dbx_dl.import_labels(spark, label, path, file_format=file_format, annotator=annotator, batch_id=batch_id)


def export_run(
    spark: SparkSession,
    config: RunConfig,
    path: str,
    *,
    file_format: FileFormat | None = None,
    sizes: str | None = None,
) -> int:
    """Export the run's labels to a file; gives how many."""
    label = require_label(config)
    with shown_waiting(f"{config.name}: exporting {path}"):
        return dbx_dl.export_labels(spark, label, path, file_format=file_format, sizes=sizes)


def queue_run(spark: SparkSession, config: RunConfig) -> QueuedItems:
    """Queue the items that are most worth a person's time, by the run's predictions where no others are named."""
    label = require_label(config)
    if label.queue is None:
        raise ConfigError(f"run {config.name} has no label.queue: add one with `table` and `budget`")
    queue = label.queue.model_copy(update={"scores": label.queue.scores or config.score.table})
    with shown_waiting(f"{config.name}: queueing items"):
        return dbx_dl.queue_items(spark, label, queue)


def pseudo_label_run(spark: SparkSession, config: RunConfig, *, batch_id: str | None = None) -> PseudoLabels:
    """Let the model that made the run's predictions label what it is sure of."""
    label = require_label(config)
    if label.pseudo is None:
        raise ConfigError(f"run {config.name} has no label.pseudo: add one, such as `pseudo: {{precision: 0.95}}`")
    pseudo = label.pseudo.model_copy(update={"scores": label.pseudo.scores or config.score.table})
    if pseudo.held_out is None:
        key = config.prepare.key if isinstance(config.prepare, PrepareTableConfig) else "key"
        pseudo = pseudo.model_copy(update={"held_out": config.prepare.table, "held_out_key": key})
    _tell_other_table(spark, config, pseudo)
    with shown_waiting(f"{config.name}: labelling by the model"):
        return dbx_dl.pseudo_label(spark, label, pseudo, batch_id=batch_id)


def _tell_other_table(spark: SparkSession, config: RunConfig, pseudo: PseudoConfig) -> None:
    """Warn where the model of the predictions may have been trained on items that are held out here."""
    from dbx_dl.register.listing import list_models

    if pseudo.scores is None or pseudo.held_out is None:
        return
    found = find_model_version(spark, pseudo.scores, pseudo.key)
    if found is None:
        return
    name, version = found
    try:
        sentence = describe_other_table(list_models(config.tracking.uri, name), version, pseudo.held_out)
    except RegistryError as error:
        sentence = f"it is not known on which table {name} version {version} was trained: {error}"
    if sentence is not None:
        logger.warning("%s", sentence)


def agree_run(spark: SparkSession, config: RunConfig) -> LabelAgreement:
    """How far the run's annotators agree."""
    label = require_label(config)
    with shown_waiting(f"{config.name}: comparing annotators"):
        return dbx_dl.measure_agreement(spark, label.table, label.task)


def withdraw_run(
    spark: SparkSession,
    config: RunConfig,
    *,
    annotator: str,
    label_ids: Sequence[str] = (),
    batch_id: str | None = None,
) -> WrittenLabels:
    """Withdraw labels of the run by id, or all of a batch."""
    label = require_label(config)
    with shown_waiting(f"{config.name}: withdrawing labels"):
        return dbx_dl.withdraw_labels(spark, label.table, annotator=annotator, label_ids=label_ids, batch_id=batch_id)


def resolve_run(spark: SparkSession, config: RunConfig) -> ResolvedLabels:
    """Take in what the inbox holds, then find the label that holds of each item; writes `resolved.json`."""
    label = require_label(config)
    if label.resolve is None:
        raise ConfigError(f"run {config.name} has no label.resolve: add one with `table`")
    if find_inbox(config).is_dir():
        ingest_run(spark, config)
    with shown_waiting(f"{config.name}: resolving labels"):
        resolved = dbx_dl.resolve_labels(spark, label, label.resolve)
    keep(resolved, Path(mount_path(config.directory)).absolute() / "resolved.json", "resolved")
    return resolved


def serve_run(
    spark: SparkSession | None, config: RunConfig, *, told: Callable[[str], None], name: str | None = None
) -> int:
    """Serve the page to label the run's items with until it is stopped; gives how many label events were saved."""
    return dbx_dl.serve_labels(spark, require_label(config), str(find_inbox(config)), told=told, name=name)


def prepares_resolved(config: RunConfig) -> bool:
    """Whether the run's prepare reads the labels that its own `label.resolve` writes."""
    label, given = config.label, config.prepare.labels
    if label is None or label.resolve is None or given is None:
        return False
    return normalize_table(given.table) == normalize_table(label.resolve.table)


def require_label(config: RunConfig) -> LabelConfig:
    """The run's section `label`; ConfigError where it has none."""
    if config.label is None:
        raise ConfigError(f"run {config.name} has no section label: add one with `table`, `task` and `classes`")
    return config.label

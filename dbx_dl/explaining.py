"""Explanations and model cards of a run: loads the contracts they need, calls the public API, saves what it returns."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import dbx_dl
from dbx_dl.contracts import (
    Dependences,
    ExplainedTable,
    FeatureSpec,
    Importances,
    ModelCard,
    Monitored,
    Promotion,
    RegisteredModel,
    TextAndColumnsSpec,
)
from dbx_dl.errors import ConfigError, DataError, DbxDlError
from dbx_dl.explain.overall.dependence import check_dependence
from dbx_dl.explain.overall.importance import check_importance
from dbx_dl.frameworks.networks import is_users_own
from dbx_dl.pipeline import TASKS
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.handover import fetch, keep
from dbx_dl.runtime.waiting import shown_waiting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import DependenceConfig, ExplainConfig, ImportanceConfig, RunConfig
    from dbx_dl.contracts import Finding, PreparedTable

logger = logging.getLogger(__name__)

C = TypeVar("C")


@dataclass(frozen=True)
class Explained:
    """What `explain_run` found, and its page; overall only of tables with columns."""

    explained: ExplainedTable
    page: Path
    importances: Importances | None = None
    dependences: Dependences | None = None


@dataclass(frozen=True)
class Overall:
    """What is looked at beyond single rows, on which table; nothing without a table."""

    prepared: PreparedTable | None = None
    importance: ImportanceConfig | None = None
    dependence: DependenceConfig | None = None


def explain_run(spark: SparkSession, config: RunConfig) -> Explained:
    """Explain the run's model; writes `explained.json`, and of columns `importances.json` and `dependences.json`.

    `explanations.html` shows them. Importance and dependence that the run does not ask for in so many words are left
    out, with a line in the log, where they do not go with the model. ConfigError where the run says nothing of
    explanations; what else does not fit is told before anything is written.
    """
    from dbx_dl.explain.page.page import write_page

    section, place = _require_section(config), _place(config)
    with shown_waiting(f"{config.name}: explain"):
        overall = plan_overall(config, section)
        explained = dbx_dl.explain_table(spark, section, config.score, tracking=config.tracking)
        keep(explained, place / "explained.json", "explained")
        importances, dependences = _look_overall(spark, config, section, overall)
        page = write_page(
            spark,
            explained,
            place / "explanations.html",
            title=f"{config.name}: why it predicts what it does",
            importances=importances,
            dependences=dependences,
        )
    return Explained(explained, page, importances, dependences)


def card_run(config: RunConfig, framework: str) -> ModelCard:
    """Write the card of one framework's registered version from what the run left; writes `<framework>/card.json`."""
    if framework not in config.frameworks:
        choices = ", ".join(config.frameworks)
        raise ConfigError(f"run {config.name} has no framework {framework!r}: choose one of {choices}")
    place = _place(config)
    key = f"registered_{framework}"
    registered = fetch(RegisteredModel, place / framework / "registered.json", TASKS["registered"], key)
    try:
        promotion = fetch(Promotion, place / "promotion.json", TASKS["promotion"], "promotion")
    except DataError:  # a card can be had before anybody compared versions
        promotion = None
    importances, monitored = place / "importances.json", place / "monitored.json"
    findings: tuple[Finding, ...] = ()
    if monitored.is_file():
        findings = Monitored.load(monitored).list_of_model(registered.version, registered.onnx.file.sha256)
    with shown_waiting(f"{config.name}: card"):
        card = dbx_dl.write_card(
            registered,
            directory=str(place / framework),
            tracking=config.tracking,
            config=config.card,
            promotion=promotion,
            importances=Importances.load(importances) if importances.is_file() else None,
            findings=findings,
        )
    card.save(place / framework / "card.json")
    return card


def name_network(section: ExplainConfig, config: RunConfig) -> ExplainConfig:
    """The section, whose `own_network` is the run's own one (`package.module:function`) where it names no other."""
    network = config.train.network
    if section.own_network is None and is_users_own(network):
        return section.model_copy(update={"own_network": network})
    return section


def plan_overall(config: RunConfig, section: ExplainConfig) -> Overall:
    """What of the section can be looked at: nothing of a run without columns, or of what it does not ask for and lacks.

    The errors of `measure_importance` and `measure_dependence` where the section itself asks for one that cannot be.
    """
    wanted = [name for name in ("importance", "dependence") if getattr(section, name) is not None]
    prepared = _find_prepared(config, section, wanted) if wanted else None
    if prepared is None:
        return Overall()
    if not isinstance(prepared.inputs, FeatureSpec | TextAndColumnsSpec):
        logger.debug("%s has no columns: nothing is told of what matters overall", prepared.table.name)
        return Overall()
    model, uri = section.model or config.score.model, config.tracking.uri
    importance, dependence = section.importance, section.dependence
    if importance is not None:
        importance = _keep_fitting(section, "importance", importance, check_importance, model, prepared, uri)
    if dependence is not None:
        dependence = _keep_fitting(section, "dependence", dependence, check_dependence, model, prepared, uri)
    return Overall(prepared, importance, dependence)


def _find_prepared(config: RunConfig, section: ExplainConfig, wanted: list[str]) -> PreparedTable | None:
    """The table as it was trained on, which may have been for another task than it was prepared for."""
    framework = config.frameworks[0]
    path = _place(config) / framework / "registered.json"
    try:
        registered = fetch(RegisteredModel, path, TASKS["registered"], f"registered_{framework}")
    except DataError as error:
        _raise_if_asked(section, wanted, error)
        return None
    return registered.onnx.trained.prepared


def _keep_fitting(
    section: ExplainConfig,
    name: str,
    settings: C,
    check: Callable[[str, PreparedTable, C, str | None], None],
    model: str,
    prepared: PreparedTable,
    uri: str | None,
) -> C | None:
    """The settings; None where they do not go with the model and are nobody's but the defaults."""
    try:
        check(model, prepared, settings, uri)
    except (ConfigError, DataError) as error:
        _raise_if_asked(section, [name], error)
        return None
    return settings


def _raise_if_asked(section: ExplainConfig, names: list[str], error: DbxDlError) -> None:
    """The error, where the section itself has one of the keys; else a line in the log."""
    if section.model_fields_set.intersection(names):
        raise error
    logger.info("without %s of columns: %s", " and ".join(names), error)


def _look_overall(
    spark: SparkSession, config: RunConfig, section: ExplainConfig, overall: Overall
) -> tuple[Importances | None, Dependences | None]:
    """Importance and dependence of a prepared table's columns; each is saved as soon as it is there."""
    model, uri, place = section.model or config.score.model, config.tracking.uri, _place(config)
    importances = dependences = None
    if overall.prepared is not None and overall.importance is not None:
        importances = dbx_dl.measure_importance(
            spark, model, overall.prepared, overall.importance, seed=section.seed, tracking_uri=uri
        )
        importances.save(place / "importances.json")
    if overall.prepared is not None and overall.dependence is not None:
        ranked = () if importances is None else tuple(each.feature for each in importances.features)
        dependences = dbx_dl.measure_dependence(
            spark, model, overall.prepared, overall.dependence, columns=ranked, seed=section.seed, tracking_uri=uri
        )
        dependences.save(place / "dependences.json")
    return importances, dependences


def _require_section(config: RunConfig) -> ExplainConfig:
    if config.explain is None:
        raise ConfigError(f"run {config.name} has no section explain: add one with a `table` for explanations")
    return name_network(config.explain, config)


def _place(config: RunConfig) -> Path:
    return Path(mount_path(config.directory)).absolute()

"""Explanations and model cards of a run: loads the contracts they need, calls the public API, saves what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.pipeline import TASKS
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.handover import fetch, keep
from dbx_dl.runtime.waiting import shown_waiting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import ExplainConfig, RunConfig


@dataclass(frozen=True)
class Explained:
    """What `explain_run` found, and its page; overall only of tables with columns."""

    explained: ExplainedTable
    page: Path
    importances: Importances | None = None
    dependences: Dependences | None = None


def explain_run(spark: SparkSession, config: RunConfig) -> Explained:
    """Explain the run's model; writes `explained.json`, and of columns `importances.json` and `dependences.json`.

    `explanations.html` shows them. ConfigError where the run says nothing of explanations.
    """
    from dbx_dl.explain.page.page import write_page

    section, place = _require_section(config), _place(config)
    with shown_waiting(f"{config.name}: explain"):
        explained = dbx_dl.explain_table(spark, section, config.score, tracking=config.tracking)
        keep(explained, place / "explained.json", "explained")
        importances, dependences = _look_overall(spark, config, section)
        for name, found in (("importances", importances), ("dependences", dependences)):
            if found is not None:
                found.save(place / f"{name}.json")
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
    with shown_waiting(f"{config.name}: card"):
        card = dbx_dl.write_card(
            registered,
            directory=str(place / framework),
            tracking=config.tracking,
            config=config.card,
            promotion=promotion,
            importances=Importances.load(importances) if importances.is_file() else None,
            findings=Monitored.load(monitored).findings if monitored.is_file() else (),
        )
    card.save(place / framework / "card.json")
    return card


def _look_overall(
    spark: SparkSession, config: RunConfig, section: ExplainConfig
) -> tuple[Importances | None, Dependences | None]:
    """Importance and dependence of a prepared table's columns, as the section asks for them."""
    if section.importance is None and section.dependence is None:
        return None, None
    framework = config.frameworks[0]
    path = _place(config) / framework / "registered.json"
    # The table as it was trained on, which may have been for another task than it was prepared for.
    registered = fetch(RegisteredModel, path, TASKS["registered"], f"registered_{framework}")
    prepared = registered.onnx.trained.prepared
    if not isinstance(prepared.inputs, FeatureSpec | TextAndColumnsSpec):
        return None, None
    model, uri = section.model or config.score.model, config.tracking.uri
    importances = dependences = None
    if section.importance is not None:
        importances = dbx_dl.measure_importance(
            spark, model, prepared, section.importance, seed=section.seed, tracking_uri=uri
        )
    if section.dependence is not None:
        ranked = () if importances is None else tuple(each.feature for each in importances.features)
        dependences = dbx_dl.measure_dependence(
            spark, model, prepared, section.dependence, columns=ranked, seed=section.seed, tracking_uri=uri
        )
    return importances, dependences


def _require_section(config: RunConfig) -> ExplainConfig:
    if config.explain is None:
        raise ConfigError(f"run {config.name} has no section explain: add one with a `table` for explanations")
    return config.explain


def _place(config: RunConfig) -> Path:
    return Path(mount_path(config.directory)).absolute()

"""Who is champion: candidates and the present one on the same pinned rows, with the files that are registered."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbx_dl.contracts import Promotion
from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.register.champion import find_champion, move_champion
from dbx_dl.register.decision import Decision, decide
from dbx_dl.register.ledger import Ledger, find_ledger
from dbx_dl.register.measurement import check_groups, choose_metric, measure_models, predict_rows
from dbx_dl.register.record import name_record, record_decision
from dbx_dl.register.spaces import check_spaces
from dbx_dl.runtime.tracking import open_client
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import open_model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import RegisterConfig, TrackingConfig
    from dbx_dl.contracts import MeasuredModel, PreparedTable, RegisteredModel
    from dbx_dl.score.model.model_file import ModelFile

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Comparison:
    """What was measured, and who was champion when that began; `note` says what the comparison lacks."""

    present: int | None
    models: Mapping[int, MeasuredModel]
    note: str
    num_rows: int


def promote_model(
    spark: SparkSession, candidates: Sequence[RegisteredModel], config: RegisterConfig, *, tracking: TrackingConfig
) -> Promotion:
    """Give the alias `champion` to the best of the candidates and the present champion, and say why.

    All are measured on the test split of the candidates' one pinned table, on Spark, with the registered files; a
    candidate must meet all limits of the config and beat the present champion by `config.metric`, see `decide`. A
    champion that cannot be scored on this table (it takes other columns or knows other labels) loses to a candidate
    that meets what is absolute, and the reason says so. Clusters in different spaces: see `check_spaces`.

    The alias moves in one call after a commit to the promotion ledger: of two promotions at once one wins, the other
    gets RegistryError. The new champion's version remembers the previous one for `rollback_model`. The candidate's
    version keeps the decision: in its description and, as JSON, in the artifact that its tag `dbx_dl_decision_record`
    names. RegistryError also when a file cannot be fetched or is another one than was registered; ConfigError and
    DataError when there is nothing to compare by or on.
    """
    prepared = _check_candidates(candidates, config)
    choose_metric(prepared, config)
    ledger = Ledger(spark, find_ledger(config.name, tracking.uri, config.ledger), config.name)
    client = open_client(tracking.uri)
    seen = ledger.read()
    present = find_champion(client, config.name)
    check_groups(spark, prepared, config)
    found = _compare(spark, candidates, present, config, tracking)
    promotion = _decide(candidates, found, config)
    if promotion.champion_version is not None and promotion.champion_version != present:
        move_champion(client, ledger, seen, config.name, promotion.champion_version, present)
    logger.info("%s: %s", config.name, promotion.reason)
    record_decision(client, promotion, _run_of(candidates, promotion.challenger_version))
    return promotion


def _compare(
    spark: SparkSession,
    candidates: Sequence[RegisteredModel],
    present: int | None,
    config: RegisterConfig,
    tracking: TrackingConfig,
) -> _Comparison:
    prepared = candidates[0].onnx.trained.prepared
    files = {model.version: fetch_model(f"models:/{config.name}/{model.version}", tracking.uri) for model in candidates}
    predicted = [predict_rows(spark, version, file, prepared, config) for version, file in files.items()]
    note = ""
    if present is not None and present not in files:
        file = _fetch_champion(config.name, present, tracking)
        try:
            predicted.append(predict_rows(spark, present, file, prepared, config))
        except DataError as error:
            note = f"; version {present}, champion so far, could not be compared: {error}"
            logger.warning("version %d of %s cannot be measured on this table: %s", present, config.name, error)
    metric = choose_metric(prepared, config)
    opened = {part.version: open_model(part.file.path, part.file.sha256).metadata for part in predicted}
    note += check_spaces(opened, metric, config)
    models = {model.version: model for model in measure_models(predicted, present, prepared, config)}
    for model in models.values():
        value = model.metrics[metric].value
        logger.info("models:/%s/%d has %s %.4f on the test split", config.name, model.version, metric, value)
    return _Comparison(present, models, note, predicted[0].rows.num_rows)


def _fetch_champion(name: str, present: int, tracking: TrackingConfig) -> ModelFile:
    """A champion whose file is not to be had is not taken for a worse one: its store may only be away."""
    try:
        return fetch_model(f"models:/{name}/{present}", tracking.uri)
    except (DataError, RegistryError) as error:
        raise RegistryError(
            f"version {present}, champion of {name!r}, cannot be compared with: {error}. If it is gone for good, take "
            "the alias champion from it"
        ) from None


def _decide(candidates: Sequence[RegisteredModel], found: _Comparison, config: RegisterConfig) -> Promotion:
    prepared = candidates[0].onnx.trained.prepared
    metric = choose_metric(prepared, config)
    champion = found.models.get(found.present) if found.present is not None else None
    judged = [found.models[model.version] for model in candidates]
    decision = decide(judged, champion, found.present, metric, config)
    promotion = Promotion(
        name=config.name,
        metric=metric,
        values={version: model.metrics[metric].value for version, model in found.models.items()},
        champion_version=decision.chosen if decision.chosen is not None else found.present,
        previous_version=_previous(decision, found.present),
        reason=decision.reason + found.note,
        present_version=found.present,
        challenger_version=decision.challenger,
        table=prepared.table,
        num_rows=found.num_rows,
        confidence=config.confidence,
        num_resamples=config.num_resamples,
        seed=config.seed,
        models=tuple(found.models.values()),
        checks=decision.checks,
        decided_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    record = f"runs:/{_run_of(candidates, decision.challenger)}/{name_record(promotion)}"
    return promotion.model_copy(update={"record": record})


def _previous(decision: Decision, present: int | None) -> int | None:
    return present if decision.chosen not in (None, present) else None


def _run_of(candidates: Sequence[RegisteredModel], version: int | None) -> str:
    return next(model.onnx.trained.run_id for model in candidates if model.version == version)


def _check_candidates(candidates: Sequence[RegisteredModel], config: RegisterConfig) -> PreparedTable:
    if not candidates:
        raise ConfigError("there is no candidate to promote: register a model first")
    names = {model.name for model in candidates}
    if names != {config.name}:
        raise ConfigError(f"candidates are versions of {', '.join(sorted(names))}, the config names {config.name!r}")
    tables = {
        (model.onnx.trained.prepared.table.path, model.onnx.trained.prepared.table.version) for model in candidates
    }
    if len(tables) > 1:
        found = ", ".join(f"{path} version {version}" for path, version in sorted(tables))
        raise ConfigError(f"candidates were trained on different tables ({found}): they can only be compared on one")
    prepared = candidates[0].onnx.trained.prepared
    if not prepared.split_rows.get("test", 0):
        raise DataError(f"table {prepared.table.name} has no test rows: prepare it with a test split")
    return prepared

"""Who is champion: candidates and the present one on the same pinned rows, with the files that are registered."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import Promotion
from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.metrics import is_better
from dbx_dl.runtime.tracking import explain_failure, open_client, quiet_mlflow
from dbx_dl.score.evaluation import evaluate_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from pyspark.sql import SparkSession

    from dbx_dl.config import RegisterConfig, TrackingConfig
    from dbx_dl.contracts import RegisteredModel

logger = logging.getLogger(__name__)

CHAMPION = "champion"
PREVIOUS_TAG = "dbx_dl_previous_champion"


def promote_model(
    spark: SparkSession, candidates: Sequence[RegisteredModel], config: RegisterConfig, *, tracking: TrackingConfig
) -> Promotion:
    """Give the alias `champion` to the best of the candidates and the present champion, and say why.

    All are measured by `config.metric` on the test split of the candidates' one pinned table, on Spark, with the
    registered files. The present champion keeps its place on a tie and when no candidate reaches
    `config.threshold`; among equal candidates the first wins. A champion that cannot be measured on this table (it
    takes other columns or knows other labels, or its file is gone) loses to a candidate, and the reason says so. The
    new champion's version remembers the previous one in the tag `dbx_dl_previous_champion`.
    """
    _check_candidates(candidates, config)
    client = open_client(tracking.uri)
    present = _find_champion(client, config.name)
    values = {model.version: _measure(spark, model, model.uri, config, tracking) for model in candidates}
    note = ""
    if present is not None and present not in values:
        try:
            values[present] = _measure(spark, candidates[0], f"models:/{config.name}/{present}", config, tracking)
        except (DataError, RegistryError) as error:
            note = f"; version {present}, champion so far, could not be compared: {error}"
            logger.warning("version %d of %s cannot be measured on this table: %s", present, config.name, error)
    chosen, reason = choose_champion(values, [model.version for model in candidates], present, config)
    if chosen is not None and chosen != present:
        _move_alias(client, config.name, chosen, present)
    champion = chosen if chosen is not None else present
    logger.info("%s: %s", config.name, reason + note)
    return Promotion(
        name=config.name,
        metric=config.metric,
        values=values,
        champion_version=champion,
        previous_version=present if champion != present else None,
        reason=reason + note,
    )


def choose_champion(
    values: dict[int, float], candidates: Sequence[int], present: int | None, config: RegisterConfig
) -> tuple[int | None, str]:
    """The version that should be champion, None for nobody new, and the reason as a sentence without full stop.

    `values` holds the metric of every version that could be measured.
    """
    metric, threshold = config.metric, config.threshold
    best = candidates[0]
    for version in candidates[1:]:
        if is_better(metric, values[version], values[best]):
            best = version
    found = f"{metric} {values[best]:.4f}"
    if best != present and threshold is not None and not _meets(metric, values[best], threshold):
        kept = f"version {present} stays champion" if present is not None else "there is no champion"
        return None, f"{kept}: the best candidate, version {best}, has {found} and misses the threshold {threshold:g}"
    if present is None or present not in values:
        others = f", the best of {len(candidates)} candidates" if len(candidates) > 1 else ""
        return best, f"version {best} becomes champion with {found} on the test split{others}"
    if best == present or not is_better(metric, values[best], values[present]):
        return present, _explain_stay(values, best, present, metric)
    return best, f"version {best} becomes champion: {found} is better than version {present}'s {values[present]:.4f}"


def _explain_stay(values: dict[int, float], best: int, present: int, metric: str) -> str:
    if best == present:
        return f"version {present} stays champion: its {metric} {values[present]:.4f} is the best"
    relation = "only equals" if values[best] == values[present] else "is not better than"
    return (
        f"version {present} stays champion: the best candidate, version {best}, has {metric} {values[best]:.4f}, "
        f"which {relation} its {values[present]:.4f}"
    )


def _meets(metric: str, value: float, threshold: float) -> bool:
    return value == threshold or is_better(metric, value, threshold)


def _check_candidates(candidates: Sequence[RegisteredModel], config: RegisterConfig) -> None:
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
    if not candidates[0].onnx.trained.prepared.split_rows.get("test", 0):
        raise DataError(
            f"table {candidates[0].onnx.trained.prepared.table.name} has no test rows: prepare it with a test split"
        )


def _measure(
    spark: SparkSession, model: RegisteredModel, uri: str, config: RegisterConfig, tracking: TrackingConfig
) -> float:
    metrics = evaluate_model(spark, uri, model.onnx.trained.prepared, "test", tracking_uri=tracking.uri)
    if config.metric not in metrics:
        raise DataError(f"{config.metric} is undefined on the test split, which lacks rows of some label")
    logger.info("%s has %s %.4f on the test split", uri, config.metric, metrics[config.metric])
    return metrics[config.metric]


def _find_champion(client: MlflowClient, name: str) -> int | None:
    from mlflow.exceptions import MlflowException

    try:
        aliases = client.get_registered_model(name).aliases
    except MlflowException as error:
        raise RegistryError(f"model {name!r} cannot be read from the registry: {explain_failure(error)}") from None
    return int(aliases[CHAMPION]) if CHAMPION in aliases else None


def _move_alias(client: MlflowClient, name: str, version: int, previous: int | None) -> None:
    from mlflow.exceptions import MlflowException

    try:
        with quiet_mlflow():
            # The tag first: an alias that has moved always knows where it was.
            if previous is not None:
                client.set_model_version_tag(name, str(version), PREVIOUS_TAG, str(previous))
            client.set_registered_model_alias(name, CHAMPION, str(version))
    except MlflowException as error:
        raise RegistryError(f"alias {CHAMPION} of {name!r} was not moved: {explain_failure(error)}") from None

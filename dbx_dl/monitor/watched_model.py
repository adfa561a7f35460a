"""The model that the predictions are of, and what its file says of its training."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.errors import DbxDlError
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import open_model

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import ScoreConfig, TrackingConfig
    from dbx_dl.contracts import ModelMetadata

logger = logging.getLogger(__name__)

_LINEAGE = ("model_name", "model_version", "model_sha256", "scored_at")


@dataclass(frozen=True)
class WatchedModel:
    """A model by URI or path; `version` is None outside of a registry, `metadata` for a file of others."""

    uri: str
    name: str
    version: int | None
    sha256: str
    metadata: ModelMetadata | None


def find_model(rows: DataFrame, score: ScoreConfig, tracking: TrackingConfig) -> WatchedModel:
    """The model that made the newest predictions; where there are none, or it is gone, the one that `score` names.

    RegistryError or DataError where that cannot be had either.
    """
    uri = _name_newest(rows)
    if uri is not None and uri != score.model:
        try:
            return _open(uri, tracking)
        except DbxDlError as error:
            logger.warning(
                "the model of the newest predictions cannot be had, %s is taken for it: %s", score.model, error
            )
    return _open(score.model, tracking)


def _name_newest(rows: DataFrame) -> str | None:
    from pyspark.sql import functions as F

    if not set(_LINEAGE) <= set(rows.columns):
        return None
    lineage = F.struct("model_name", "model_version")
    newest = rows.agg(F.max_by(lineage, "scored_at").alias("newest")).collect()[0]["newest"]
    if newest is None or newest["model_name"] is None:
        return None
    version = newest["model_version"]
    return str(newest["model_name"]) if version is None else f"models:/{newest['model_name']}/{version}"


def _open(uri: str, tracking: TrackingConfig) -> WatchedModel:
    file = fetch_model(uri, tracking.uri)
    session = open_model(file.path)
    metadata = session.metadata if session.is_own else None
    return WatchedModel(uri, file.name, file.version, file.sha256, metadata)

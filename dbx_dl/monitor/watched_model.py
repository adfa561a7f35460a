"""The model that the predictions are of, and what its file says of its training."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError, DbxDlError
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import open_model

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from dbx_dl.config import ScoreConfig, TrackingConfig
    from dbx_dl.contracts import ModelMetadata

logger = logging.getLogger(__name__)

_LINEAGE = ("model_name", "model_version", "model_sha256", "scored_at")


class ModelChangedError(DataError):
    """The file of a model is another one than predictions were made with."""


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
    newest = _find_newest(rows)
    uri = None if newest is None else _name_model(newest)
    if newest is not None and uri is not None:
        try:
            return require_same_file(open_watched(uri, tracking), newest["model_sha256"])
        except ModelChangedError:
            raise
        except DbxDlError as error:
            logger.warning(
                "the model of the newest predictions cannot be had, %s is taken for it: %s", score.model, error
            )
    return open_watched(score.model, tracking)


def require_same_file(model: WatchedModel, sha256: str | None) -> WatchedModel:
    """The model; ModelChangedError where it is by path and its file is not any more the one of that digest."""
    if model.version is None and sha256 is not None and sha256 != model.sha256:
        raise ModelChangedError(
            f"{model.uri} is not the file any more that the newest predictions were made with (sha256 {sha256[:12]}…, "
            f"now {model.sha256[:12]}…), so that they cannot be compared with what it predicts: score with it first, "
            "or put the earlier file back"
        )
    return model


def _find_newest(rows: DataFrame) -> Row | None:
    from pyspark.sql import functions as F

    if not set(_LINEAGE) <= set(rows.columns):
        return None
    lineage = F.struct("model_name", "model_version", "model_sha256")
    newest: Row | None = rows.agg(F.max_by(lineage, "scored_at").alias("newest")).collect()[0]["newest"]
    return None if newest is None or newest["model_name"] is None else newest


def _name_model(newest: Row) -> str:
    version = newest["model_version"]
    return str(newest["model_name"]) if version is None else f"models:/{newest['model_name']}/{version}"


def open_watched(uri: str, tracking: TrackingConfig) -> WatchedModel:
    """The model that a URI or path names; RegistryError or DataError where it cannot be had."""
    file = fetch_model(uri, tracking.uri)
    session = open_model(file.path)
    metadata = session.metadata if session.is_own else None
    return WatchedModel(uri, file.name, file.version, file.sha256, metadata)

"""Predictions of other models among those that are watched: whose probabilities are of the same classes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.errors import DbxDlError
from dbx_dl.monitor.scored_rows import PROBABILITIES
from dbx_dl.monitor.watched_model import open_watched
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from dbx_dl.contracts import Target
    from dbx_dl.monitor.watched import Watched

logger = logging.getLogger(__name__)

_LINEAGE = ("model_name", "model_version", "model_sha256")
# So many other models are asked for their classes.
_MAX_MODELS = 20


def hide_other_classes(rows: DataFrame, watched: Watched) -> tuple[DataFrame, tuple[str, ...]]:
    """The rows without probabilities of models that have other classes, or these in another order, and what they are.

    Arrays of probabilities do not say which class each is of. Where another model cannot be asked any more, or there
    are many, its probabilities are taken for such. Maps by class stay, and rows of which no model is known.
    """
    from pyspark.sql import functions as F

    target = watched.prepared.target
    if not _has_arrays(rows, target) or not {*_LINEAGE} <= set(rows.columns):
        return rows, ()
    is_other = F.col("model_sha256") != watched.model.sha256
    made = rows.where(is_other).select(*_LINEAGE).distinct().orderBy(*_LINEAGE).limit(_MAX_MODELS + 1).collect()
    if not made:
        return rows, ()
    same = [it for it in made[:_MAX_MODELS] if _has_classes(it, target, watched)]
    odd = [it for it in made if it not in same]
    if not odd:
        return rows, ()
    fits = F.col("model_sha256").isin(watched.model.sha256, *(it["model_sha256"] for it in same))
    kept = F.when(F.coalesce(fits, F.lit(True)), F.col(PROBABILITIES))
    note = (
        f"probabilities of {', '.join(_name(it) for it in odd[:5])}{' …' if len(odd) > 5 else ''} are in no figure: "
        f"their classes are others than those of {watched.model.uri}, or in another order, or not known any more"
    )
    logger.warning("%s", note)
    return rows.withColumn(PROBABILITIES, kept), (note,)


def _has_arrays(rows: DataFrame, target: Target) -> bool:
    if target.task == "none" or task_of(target).output_kind != "probabilities" or PROBABILITIES not in rows.columns:
        return False
    return bool(rows.schema[PROBABILITIES].dataType.typeName() == "array")


def _has_classes(made: Row, target: Target, watched: Watched) -> bool:
    version = made["model_version"]
    uri = str(made["model_name"]) if version is None else f"models:/{made['model_name']}/{version}"
    try:
        model = open_watched(uri, watched.tracking)
    except DbxDlError as error:
        logger.debug("%s: %s", uri, error)
        return False
    names = None if model.metadata is None else model.metadata.target.label_names
    return bool(model.sha256 == made["model_sha256"]) and names == target.label_names


def _name(made: Row) -> str:
    version = made["model_version"]
    return str(made["model_name"]) if version is None else f"{made['model_name']} v{version}"
